/*
 * What a provider's requests get beside what its dialect says: another header for the key, headers
 * and members of the body that its config names. An aggregator is told so whom to ask.
 */
#include "providers/provider_private.h"

#include "harness/base/json_write.h"

enum { WIRE_MAX_HEADERS = 16, WIRE_MAX_VALUE_BYTES = 1024, WIRE_MAX_BODY_BYTES = 256 << 20 };

/* --- the config --- */

static bool is_token(struct text name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_'))
			return false;
	}
	return name.len > 0;
}

static bool is_value(struct text value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f)
			return false;
	return value.len <= WIRE_MAX_VALUE_BYTES;
}

/* A key in a config is a key in git; and what frames a request is not the config's to say. */
static const char *why_not(struct text name)
{
	static const char *const ours[] = {"content-type", "content-length", "transfer-encoding",
	                                   "host",         "connection",     "accept",
	                                   "expect",       "accept-encoding"};
	static const char *const secret[] = {"auth",   "authorization", "key",      "apikey",
	                                     "token",  "secret",        "password", "cookie",
	                                     "bearer", "credential"};
	char lower[64];

	for (size_t i = 0; i < name.len && i < sizeof(lower); i++)
		lower[i] = (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32
		                                                             : name.data[i]);
	struct text word = {lower, size_min(name.len, sizeof(lower))};
	if (!is_token(name) || name.len > sizeof(lower))
		return "is no name of a header";
	for (size_t i = 0; i < ARRAY_LENGTH(ours); i++)
		if (text_is(word, ours[i]))
			return "is written by Proviso itself";
	struct text part;
	while (text_next_field(&word, '-', &part))
		for (size_t i = 0; i < ARRAY_LENGTH(secret); i++)
			if (text_is(part, secret[i]))
				return "may hold a secret: the key is named in api_key, its header "
				       "in key_header";
	return NULL;
}

static bool read_headers(const struct json *node, struct provider *out, struct arena *arena,
                         struct fault_list *faults)
{
	bool good = json_is(node, JSON_OBJECT) && node->count <= WIRE_MAX_HEADERS;

	if (!good) {
		(void)fault_list_at(faults, json_place(node),
		                    "headers is a mapping from names to values, at most %d",
		                    WIRE_MAX_HEADERS);
		return false;
	}
	out->headers = ARENA_NEW_ARRAY(arena, struct http_header, node->count + 1);
	JSON_EACH(member, node)
	{
		const char *why = why_not(member->key);
		if (why == NULL && (!json_is(member, JSON_STRING) || !is_value(member->text)))
			why = "needs a value that is one line of text";
		if (why != NULL) {
			(void)fault_list_at(faults, json_place(member), "the header %.*s %s",
			                    TEXT_ARG(text_visible(arena, member->key, 64)), why);
			good = false;
			continue;
		}
		out->headers[out->header_count++] = (struct http_header){member->key, member->text};
	}
	return good;
}

static bool read_request(const struct json *node, struct provider *out, struct fault_list *faults)
{
	static const char *const asked[] = {"model",  "messages", "input",   "prompt",
	                                    "stream", "tools",    "contents"};

	if (!json_is(node, JSON_OBJECT))
		return fault_list_at(faults, json_place(node),
		                     "request is a mapping: members for the body of each request");
	for (size_t i = 0; i < ARRAY_LENGTH(asked); i++)
		if (json_member(node, asked[i]) != NULL)
			return fault_list_at(faults, json_place(json_member(node, asked[i])),
			                     "%s is what is asked, and no provider's to say",
			                     asked[i]);
	out->request = node->count == 0 ? NULL : node;
	return true;
}

bool provider_wire_read(const struct provider_config *config, struct provider *out,
                        struct arena *arena, struct fault_list *faults)
{
	bool good = true;

	if (config->key_header.data != NULL && !is_token(config->key_header)) {
		const struct json *node = json_member(config->node, "key_header");
		good = fault_list_at(faults, json_place(node != NULL ? node : config->node),
		                     "key_header is no name of a header");
	} else if (config->key_header.data != NULL) {
		out->key_header = text_c(arena, config->key_header);
	}
	if (config->headers != NULL)
		good = read_headers(config->headers, out, arena, faults) && good;
	if (config->request != NULL)
		good = read_request(config->request, out, faults) && good;
	return good;
}

/* --- requests --- */

static void add_headers(const struct provider *provider, struct arena *arena,
                        struct wire_request *out)
{
	struct http_header *all = ARENA_NEW_ARRAY(arena, struct http_header,
	                                          out->header_count + provider->header_count + 1);

	if (out->header_count > 0)
		memcpy(all, out->headers, out->header_count * sizeof(*all));
	memcpy(all + out->header_count, provider->headers, provider->header_count * sizeof(*all));
	out->headers = all;
	out->header_count += provider->header_count;
}

/* The body up to its last brace; data NULL: it is no object. */
static struct text up_to_end(struct text body)
{
	body = text_trim(body);
	return text_ends(body, TEXT("}")) ? text_slice(body, 0, body.len - 1)
	                                  : (struct text){NULL, 0};
}

static void add_members(const struct provider *provider, struct arena *arena,
                        struct wire_request *out)
{
	struct fault unread;
	struct text_buf body;
	struct json *root;

	if (!json_read_text(out->body, "request", arena, &root, &unread) ||
	    !json_is(root, JSON_OBJECT))
		return;
	text_buf_init(&body, WIRE_MAX_BODY_BYTES);
	(void)text_buf_add(&body, up_to_end(out->body));
	bool any = root->count > 0;
	JSON_EACH(member, provider->request)
	{
		if (json_member_text(root, member->key) != NULL)
			continue;
		(void)text_buf_add_c(&body, any ? "," : "");
		json_quote(&body, member->key);
		(void)text_buf_byte(&body, ':');
		(void)text_buf_add(&body, json_to_text(arena, member));
		any = true;
	}
	(void)text_buf_byte(&body, '}');
	if (!body.overflow)
		out->body = text_copy(arena, text_buf_view(&body));
	text_buf_done(&body);
}

bool provider_encode(const struct provider *provider, const struct chat_request *request,
                     struct arena *arena, struct wire_request *out, struct fault *fault)
{
	if (!provider->dialect->encode(provider, request, arena, out, fault))
		return false;
	if (provider->key_header != NULL && out->key_header != NULL) {
		bool bearer =
		    text_equal_ignoring_case(text_of(provider->key_header), TEXT("authorization"));
		out->key_header = provider->key_header;
		out->key_prefix = bearer ? "Bearer " : "";
	}
	if (provider->header_count > 0)
		add_headers(provider, arena, out);
	if (provider->request != NULL && out->body.len > 0)
		add_members(provider, arena, out);
	return true;
}

bool provider_encoded_from(struct text sent, struct text body)
{
	struct text start = up_to_end(body);

	if (text_equal(sent, body))
		return true;
	/* "{" of a body without members is followed by none of its own. */
	return start.data != NULL && text_starts(sent, start) && text_ends(sent, TEXT("}")) &&
	       sent.len > start.len + 1 && (sent.data[start.len] == ',' || start.len == 1);
}
