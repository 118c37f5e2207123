/* One request to Vault on a loop of its own, through the transport that all others take. */
#include "harness/base/http_parse.h"
#include "providers/secret/vault_private.h"
#include "providers/wire/transport.h"

#include <stdlib.h>

enum { ANSWER_MAX_BYTES = 1 << 20 }; /* Vault's own limit of a secret is 1 MiB, mostly less */

struct waiting {
	int status;
	struct text_buf *bytes;
	bool ended, complete;
	enum exchange_end end;
	char detail[200];
};

static void head_came(void *context, int status, int version UNUSED,
                      const struct http_header *headers UNUSED, size_t count UNUSED)
{
	((struct waiting *)context)->status = status;
}

static void body_came(void *context, struct text bytes)
{
	(void)text_buf_add(((struct waiting *)context)->bytes, bytes);
}

static void ended(void *context, enum exchange_end end, struct text detail)
{
	struct waiting *waiting = context;

	waiting->ended = true;
	waiting->complete = end == EXCHANGE_COMPLETE;
	waiting->end = end;
	(void)snprintf(waiting->detail, sizeof(waiting->detail), "%.*s", TEXT_ARG(detail));
}

/* VAULT_CLIENT_TIMEOUT, in seconds, where it is shorter than ours. */
static int64_t timeout_ms(void)
{
	struct text said = text_of(getenv("VAULT_CLIENT_TIMEOUT"));
	int64_t seconds;

	if (text_ends(said, TEXT("s")))
		said.len--;
	return text_to_int64(said, 1, VAULT_TIMEOUT_MS / 1000, &seconds) ? seconds * 1000
	                                                                 : VAULT_TIMEOUT_MS;
}

static void send_and_wait(struct loop *loop, struct transport *transport,
                          const struct vault_ask *ask, const char *url, struct waiting *waiting)
{
	int64_t most = timeout_ms();
	const struct transport_limits limits = {
	    .timeouts = {most, most, most, most},
	    .body_bytes = ANSWER_MAX_BYTES,
	};
	const struct transport_sink sink = {head_came, body_came, ended, waiting};
	const char *namespace = getenv("VAULT_NAMESPACE");
	/* Without the first one an agent in between refuses (Vault, "require_request_header"). */
	struct http_header headers[3] = {{TEXT("X-Vault-Request"), TEXT("true")},
	                                 {TEXT("Content-Type"), TEXT("application/json")}};
	struct wire_request request = {
	    .method = ask->method,
	    .url = url,
	    .headers = headers,
	    .header_count = 2,
	    .key_header = "X-Vault-Token",
	    .key_prefix = "",
	    .body = ask->body,
	};

	if (namespace != NULL && namespace[0] != '\0')
		headers[request.header_count++] =
		    (struct http_header){TEXT("X-Vault-Namespace"), text_of(namespace)};
	const struct transfer *transfer =
	    transport_start(transport, &request, ask->token, &limits, &sink);
	REQUIRE(transfer != NULL);
	while (!waiting->ended)
		(void)loop_turn(loop, true);
}

static bool address(struct arena *arena, const char **out, struct fault *fault)
{
	struct text said = text_of(getenv("VAULT_ADDR"));

	while (text_ends(said, TEXT("/")))
		said.len--;
	if (said.len == 0)
		return fault_set(fault, FAULT_INPUT,
		                 "VAULT_ADDR, which says where Vault is, is not set");
	if (!text_starts(said, TEXT("http://")) && !text_starts(said, TEXT("https://")))
		return fault_set(fault, FAULT_INPUT, "VAULT_ADDR is no http or https URL");
	*out = text_c(arena, said);
	return true;
}

bool vault_exchange(const struct vault_ask *ask, struct arena *arena, struct text_buf *bytes,
                    int *status, const struct json **root, struct fault *fault)
{
	struct waiting waiting = {.bytes = bytes};
	struct transport *transport;
	struct fault unread;
	struct json *read = NULL;
	const char *base = NULL;

	*root = NULL;
	if (!address(arena, &base, fault))
		return false;
	const char *url = text_c(arena, text_format(arena, "%s%s", base, ask->path));
	struct loop *loop = loop_new();
	bool made = transport_new(loop, &transport, fault);
	if (made) {
		const char *ca_file = getenv("VAULT_CACERT");
		if (ca_file != NULL && ca_file[0] != '\0')
			transport_trust(transport, ca_file);
		send_and_wait(loop, transport, ask, url, &waiting);
		transport_free(transport);
	}
	loop_free(loop);
	if (!made)
		return false;
	if (!waiting.complete)
		return fault_set(fault, FAULT_SYSTEM, "Vault at %s does not answer: %s%s%s", base,
		                 exchange_end_name(waiting.end),
		                 waiting.detail[0] == '\0' ? "" : ": ", waiting.detail);
	*status = waiting.status;
	if (json_read_text(text_buf_view(bytes), "Vault's answer", arena, &read, &unread) &&
	    json_is(read, JSON_OBJECT))
		*root = read;
	return true;
}

bool vault_refused(const char *what, int status, const struct json *root, struct fault *fault)
{
	struct arena arena = {0};
	struct text said = TEXT("");
	const struct json *errors = json_member(root, "errors");

	if (json_is(errors, JSON_ARRAY) && json_is(errors->first, JSON_STRING))
		said = text_visible(&arena, errors->first->text, 120);
	(void)fault_set(fault, FAULT_SYSTEM, "Vault answers %s by %d%s%.*s", what, status,
	                said.len > 0 ? ": " : "", TEXT_ARG(said));
	arena_done(&arena);
	return false;
}
