/*
 * The shell command that sends a recorded request again. It is copied from a page
 * and run: every byte from the evidence stands in single quotes or as an octal escape of printf,
 * and no value can be taken for an option or a file.
 */
#include "reports/report.h"

#include "providers/provider.h"

#include <ctype.h>

/* Within single quotes the shell leaves all alone but the quote itself. */
static void add_quoted(struct text_buf *out, struct text text)
{
	(void)text_buf_byte(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\'')
			(void)text_buf_add_c(out, "'\\''");
		else
			(void)text_buf_byte(out, text.data[i]);
	}
	(void)text_buf_byte(out, '\'');
}

/* Bytes at the start that may stand as they are: one printable character, or a line break. */
static size_t plain_length(struct text text)
{
	size_t size = text_utf8_sequence(text, NULL);
	struct text_buf visible;

	if (size == 0 || text.data[0] == '\n')
		return size;
	if (size == 1)
		return text.data[0] >= ' ' && text.data[0] != 0x7f ? 1 : 0;
	text_buf_init(&visible, 64);
	text_buf_add_visible(&visible, text_slice(text, 0, size));
	bool same = text_equal(text_buf_view(&visible), text_slice(text, 0, size));
	text_buf_done(&visible);
	return same ? size : 0;
}

static bool is_plain(struct text text)
{
	size_t size;

	for (size_t at = 0; at < text.len; at += size) {
		size = plain_length(text_slice(text, at, text.len));
		if (size == 0)
			return false;
	}
	return true;
}

/* printf's format: three octal digits for all that is not plain or means something there. */
static void add_octal(struct text_buf *out, struct text text)
{
	(void)text_buf_byte(out, '\'');
	for (size_t at = 0; at < text.len;) {
		size_t size = plain_length(text_slice(text, at, text.len));
		char c = text.data[at];
		if (size == 0 || c == '\\' || c == '%' || c == '\'' || c == '\n') {
			(void)text_buf_format(out, "\\%03o", (unsigned)(unsigned char)c);
			at++;
			continue;
		}
		(void)text_buf_add(out, text_slice(text, at, at + size));
		at += size;
	}
	(void)text_buf_byte(out, '\'');
}

/* A header's name that neither curl nor a shell reads anything else into. */
static bool is_plain_name(struct text name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.data[i]) && name.data[i] != '-')
			return false;
	return name.len > 0;
}

/* NULL: the dialect's. */
static const char *own_key_header(const struct provider *provider)
{
	if (provider == NULL || provider->key_header == NULL ||
	    !is_plain_name(text_of(provider->key_header)))
		return NULL;
	return provider->key_header;
}

/* Names of headers that could carry a key are ours to write; "@file" and ";" mean something to
 * curl. */
static bool may_repeat(const struct http_header *header, const struct provider *provider)
{
	static const char *const ours[] = {"authorization",  "x-api-key",      "api-key",
	                                   "x-goog-api-key", "content-length", "host"};

	if (!is_plain_name(header->name) || !is_plain(header->value) ||
	    text_find_byte(header->value, '\n', 0) != TEXT_NOT_FOUND)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(ours); i++)
		if (text_equal_ignoring_case(header->name, text_of(ours[i])))
			return false;
	return own_key_header(provider) == NULL ||
	       !text_equal_ignoring_case(header->name, text_of(own_key_header(provider)));
}

/* With what stands before the key in it. */
static const char *key_header(const struct provider *provider, struct text dialect,
                              struct arena *arena)
{
	const char *own = own_key_header(provider);
	if (own != NULL)
		return text_format(arena, "%s: %s", own,
		                   text_equal_ignoring_case(text_of(own), TEXT("authorization"))
		                       ? "Bearer "
		                       : "")
		    .data;
	if (text_is(dialect, "anthropic"))
		return "x-api-key: ";
	if (text_is(dialect, "azure"))
		return "api-key: ";
	if (text_is(dialect, "gemini"))
		return "x-goog-api-key: ";
	return "Authorization: Bearer ";
}

/* "vllm-lab" -> VLLM_LAB_API_KEY: a name that a shell takes. */
static void add_variable(struct text_buf *out, struct text provider)
{
	if (provider.len == 0 || isdigit((unsigned char)provider.data[0]))
		(void)text_buf_byte(out, '_');
	for (size_t i = 0; i < provider.len; i++) {
		int c = (unsigned char)provider.data[i];
		(void)text_buf_byte(out, (char)(isalnum(c) ? toupper(c) : '_'));
	}
	(void)text_buf_add_c(out, "_API_KEY");
}

/* A name that a shell takes for one. */
static bool is_variable(struct text name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] != '_' && !isalpha((unsigned char)name.data[i]) &&
		    (i == 0 || !isdigit((unsigned char)name.data[i])))
			return false;
	return name.len > 0;
}

/* The variable that the config names, where it names one; a provider without a key gets none. */
static void add_key(const struct exchange *exchange, const struct matrix_cell *cell,
                    const struct provider *known, struct arena *arena, struct text_buf *out)
{
	static const struct text from_variable = TEXT_INIT("env:");
	struct text name = {NULL, 0};

	if (exchange->no_key || (known != NULL && known->key_ref.data == NULL))
		return;
	const char *header = key_header(known, cell->dialect, arena);
	if (exchange->wrong_key) {
		(void)text_buf_format(out, " \\\n  -H '%swrong-on-purpose'", header);
		return;
	}
	if (known != NULL && text_starts(known->key_ref, from_variable))
		name = text_slice(known->key_ref, from_variable.len, known->key_ref.len);
	(void)text_buf_format(out, " \\\n  -H \"%s$", header);
	if (is_variable(name))
		(void)text_buf_add(out, name);
	else
		add_variable(out, cell->provider);
	(void)text_buf_byte(out, '"');
}

static void add_headers(const struct exchange *exchange, const struct matrix_cell *cell,
                        const struct provider_set *providers, struct text_buf *out)
{
	const struct provider *known =
	    providers == NULL ? NULL : provider_find(providers, cell->provider);
	struct arena arena = {0};

	for (size_t i = 0; i < exchange->request_header_count; i++) {
		const struct http_header *header = &exchange->request_headers[i];
		if (!may_repeat(header, known))
			continue;
		(void)text_buf_add_c(out, " \\\n  -H ");
		add_quoted(out, text_format(&arena, "%.*s: %.*s", TEXT_ARG(header->name),
		                            TEXT_ARG(header->value)));
	}
	add_key(exchange, cell, known, &arena, out);
	arena_done(&arena);
}

void report_curl(const struct exchange *exchange, const struct matrix_cell *cell,
                 const struct provider_set *providers, size_t body_max_bytes, struct text_buf *out)
{
	struct text body = exchange->request_body;
	bool piped = body.len <= body_max_bytes && !is_plain(body);

	if (!is_plain(exchange->url) || !is_plain(exchange->method)) {
		(void)text_buf_add_c(out, "# the recorded address is not printable\n");
		return;
	}
	if (piped) {
		(void)text_buf_add_c(out, "printf ");
		add_octal(out, body);
		(void)text_buf_add_c(out, " | ");
	}
	/* -g: brackets of an address are no patterns; -N: a stream is shown as it comes. */
	(void)text_buf_add_c(out, "curl -sSgN -X ");
	add_quoted(out, exchange->method);
	(void)text_buf_add_c(out, " --url ");
	add_quoted(out, exchange->url);
	add_headers(exchange, cell, providers, out);
	if (piped)
		(void)text_buf_add_c(out, " \\\n  --data-binary @-");
	else if (body.len > body_max_bytes)
		(void)text_buf_format(out, " \\\n  --data-binary @request.body # %zu bytes",
		                      body.len);
	else if (body.len > 0) {
		(void)text_buf_add_c(out, " \\\n  --data-raw ");
		add_quoted(out, body);
	}
	(void)text_buf_byte(out, '\n');
}
