/*
 * URI references (RFC 3986): taken apart, resolved against a base, put together again.
 * Nothing is refused here: what is no URI resolves to something that nobody finds.
 */
#include "cases/schema/schema_private.h"

struct uri {
	struct text scheme; /* data NULL: none, and so for the others */
	struct text authority;
	struct text path;
	struct text query;
};

static bool is_scheme(struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
		if (!letter && (i == 0 || !other))
			return false;
	}
	return text.len > 0;
}

/* Without a fragment. */
static struct uri take_apart(struct text text)
{
	struct uri uri = {0};
	size_t colon = text_find_byte(text, ':', 0);

	if (colon != TEXT_NOT_FOUND && is_scheme(text_slice(text, 0, colon))) {
		uri.scheme = text_slice(text, 0, colon);
		text = text_slice(text, colon + 1, text.len);
	}
	size_t question = text_find_byte(text, '?', 0);
	if (question != TEXT_NOT_FOUND) {
		uri.query = text_slice(text, question + 1, text.len);
		text = text_slice(text, 0, question);
	}
	if (text_starts(text, TEXT("//"))) {
		size_t end = text_find_byte(text, '/', 2);
		end = end == TEXT_NOT_FOUND ? text.len : end;
		uri.authority = text_slice(text, 2, end);
		text = text_slice(text, end, text.len);
	}
	uri.path = text;
	return uri;
}

/* RFC 3986, 5.2.4, into `out`. */
static void remove_dots(struct text path, struct text_buf *out)
{
	size_t start = out->len; /* where the path begins in `out` */

	while (path.len > 0) {
		size_t slash = text_find_byte(path, '/', path.data[0] == '/' ? 1 : 0);
		size_t end = slash == TEXT_NOT_FOUND ? path.len : slash;
		struct text segment = text_slice(path, 0, end);
		path = text_slice(path, end, path.len);
		bool up = text_is(segment, "/..");
		if (text_is(segment, "..") || text_is(segment, ".")) {
			path = text_slice(path, path.len > 0 ? 1 : 0, path.len);
			continue;
		}
		if (!up && !text_is(segment, "/.")) {
			(void)text_buf_add(out, segment);
			continue;
		}
		while (up && out->len > start && out->data[--out->len] != '/')
			continue;
		if (path.len == 0)
			(void)text_buf_byte(out, '/');
	}
}

/* RFC 3986, 5.2.3: the reference's path in place of the base's last segment. */
static struct text merge(struct arena *arena, const struct uri *base, struct text path)
{
	size_t keep = base->path.len;

	if (base->authority.data != NULL && base->path.len == 0)
		return text_format(arena, "/%.*s", TEXT_ARG(path));
	while (keep > 0 && base->path.data[keep - 1] != '/')
		keep--;
	return text_format(arena, "%.*s%.*s", TEXT_ARG(text_slice(base->path, 0, keep)),
	                   TEXT_ARG(path));
}

static struct text put_together(struct arena *arena, const struct uri *uri, bool dots)
{
	struct text_buf out;

	text_buf_init(&out, 4 * SCHEMA_URI_MAX_BYTES);
	if (uri->scheme.data != NULL) {
		(void)text_buf_add(&out, uri->scheme);
		(void)text_buf_byte(&out, ':');
	}
	if (uri->authority.data != NULL) {
		(void)text_buf_add(&out, TEXT("//"));
		(void)text_buf_add(&out, uri->authority);
	}
	if (dots)
		remove_dots(uri->path, &out);
	else
		(void)text_buf_add(&out, uri->path);
	if (uri->query.data != NULL) {
		(void)text_buf_byte(&out, '?');
		(void)text_buf_add(&out, uri->query);
	}
	/* Longer than any we resolve: a name that nothing has. */
	struct text whole =
	    out.overflow ? TEXT("urn:too-long") : text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return whole;
}

/* The fragment goes along as it is. */
static struct text resolve(struct arena *arena, struct text base_text, struct text reference)
{
	struct uri base = take_apart(base_text);
	struct uri uri = take_apart(reference);
	bool dots = true;

	if (uri.scheme.data == NULL) {
		uri.scheme = base.scheme;
		if (uri.authority.data == NULL) {
			uri.authority = base.authority;
			if (uri.path.len == 0) {
				uri.path = base.path;
				uri.query = uri.query.data == NULL ? base.query : uri.query;
				dots = false;
			} else if (uri.path.data[0] != '/') {
				uri.path = merge(arena, &base, uri.path);
			}
		}
	}
	/* "urn:a.b" has no segments that could be dots. */
	bool opaque = uri.scheme.data != NULL && uri.authority.data == NULL &&
	              !text_starts(uri.path, TEXT("/"));
	return put_together(arena, &uri, dots && !opaque);
}

struct text schema_uri_resolve(struct arena *arena, struct text base, struct text reference)
{
	size_t hash = text_find_byte(reference, '#', 0);
	size_t end = hash == TEXT_NOT_FOUND ? reference.len : hash;
	struct text uri = resolve(arena, base, text_slice(reference, 0, end));

	if (hash == TEXT_NOT_FOUND)
		return uri;
	return text_format(arena, "%.*s%.*s", TEXT_ARG(uri),
	                   TEXT_ARG(text_slice(reference, hash, reference.len)));
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	char lower = c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c;
	const char *found = c == '\0' ? NULL : strchr(digits, lower);

	return found == NULL ? -1 : (int)(found - digits);
}

static struct text percent_decode(struct arena *arena, struct text text)
{
	char *out = arena_alloc_bytes(arena, text.len);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '%' && i + 2 < text.len && hex_value(text.data[i + 1]) >= 0 &&
		    hex_value(text.data[i + 2]) >= 0) {
			out[len++] =
			    (char)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2]));
			i += 2;
		} else {
			out[len++] = text.data[i];
		}
	}
	return (struct text){out, len};
}

struct text schema_uri_split(struct arena *arena, struct text uri, struct text *fragment)
{
	size_t hash = text_find_byte(uri, '#', 0);

	if (hash == TEXT_NOT_FOUND) {
		*fragment = TEXT("");
		return uri;
	}
	*fragment = percent_decode(arena, text_slice(uri, hash + 1, uri.len));
	return text_slice(uri, 0, hash);
}
