/* Base URLs: what may stand in one, and whether it leads to this machine. */
#include "providers/provider_private.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

enum { URL_MAX_BYTES = 2048 };

/* The part, in the arena; data NULL where the URL has none. */
static struct text part_of(CURLU *handle, CURLUPart part, struct arena *arena)
{
	char *value = NULL;
	struct text copy = {NULL, 0};

	if (curl_url_get(handle, part, &value, 0) == CURLUE_OK && value != NULL)
		copy = text_copy(arena, text_of(value));
	curl_free(value);
	return copy;
}

static bool host_is_loopback(struct text host, struct arena *arena)
{
	struct in_addr four;
	struct in6_addr six;
	const char *name = text_c(arena, host);

	if (text_equal_ignoring_case(host, TEXT("localhost")))
		return true;
	if (inet_pton(AF_INET, name, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, name, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool check_parts(CURLU *handle, struct arena *arena, const char **why)
{
	struct text scheme = part_of(handle, CURLUPART_SCHEME, arena);

	if (!text_is(scheme, "http") && !text_is(scheme, "https"))
		*why = "want http:// or https://";
	else if (part_of(handle, CURLUPART_USER, arena).data != NULL ||
	         part_of(handle, CURLUPART_PASSWORD, arena).data != NULL)
		*why = "it must not hold a user or a password; a key goes into api_key";
	else if (part_of(handle, CURLUPART_QUERY, arena).data != NULL)
		*why = "it must not hold a query";
	else if (part_of(handle, CURLUPART_FRAGMENT, arena).data != NULL)
		*why = "it must not hold a fragment";
	else
		return true;
	return false;
}

bool provider_url_read(struct text url, struct arena *arena, struct provider_url *out,
                       const char **why)
{
	bool good = false;

	*why = "want a URL like https://api.example.com/v1";
	for (size_t i = 0; i < url.len; i++)
		if (url.data[i] <= 0x20 || url.data[i] >= 0x7f)
			return false;
	if (url.len == 0 || url.len > URL_MAX_BYTES)
		return false;
	CURLU *handle = curl_url();
	REQUIRE(handle != NULL); /* refused only where there is no memory */
	if (curl_url_set(handle, CURLUPART_URL, text_c(arena, url), 0) == CURLUE_OK)
		good = check_parts(handle, arena, why);
	if (good) {
		struct text host = part_of(handle, CURLUPART_HOST, arena);

		if (text_starts(host, TEXT("[")) && text_ends(host, TEXT("]")))
			host = text_slice(host, 1, host.len - 1);
		out->host = host;
		out->loopback = host_is_loopback(host, arena);
		while (url.len > 0 && (text_ends(url, TEXT("/")) || text_ends(url, TEXT("?")) ||
		                       text_ends(url, TEXT("#"))))
			url.len--;
		out->url = text_copy(arena, url);
	}
	curl_url_cleanup(handle);
	return good;
}
