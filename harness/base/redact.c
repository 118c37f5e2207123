/*
 * Masking secrets in bytes that leave the process; see redact.h.
 *
 * Each secret becomes seven patterns: its bytes, and the base64 characters it
 * fixes at each of the three alignments in both alphabets. A pattern's byte is
 * found raw or escaped (%2F, \/, \u002f). Nearly all text holds no secret, so
 * a table of the pairs of bytes a match can start with decides most positions
 * with one look; it stays in the first-level cache.
 *
 * The set only grows while threads run: patterns are linked in with a release
 * store, and readers need no lock.
 */
#include "harness/base/redact.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>

struct pattern {
	struct pattern *next; /* another with the same first byte */
	struct pattern *all;  /* another of any kind, for the end */
	size_t len;
	bool before, after; /* base64: the character beside it holds bits of the secret too */
	char bytes[];
};

enum { PAIR_WORDS = 65536 / 64 };

static _Atomic uint64_t start_pairs[PAIR_WORDS]; /* bit: these two bytes may start a match */
static struct pattern *_Atomic patterns_by_first[256];
static _Atomic size_t secret_count;
static struct pattern *all_patterns; /* under the lock */
static pthread_mutex_t remember_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- escapes --- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that two hex digits at `at` say, or -1. */
static int hex_byte(const char *at)
{
	int high = hex_value(at[0]);
	int low = hex_value(at[1]);

	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* JSON's short escapes: the letter, and the byte it stands for. */
static const char short_escapes[][2] = {
    {'/', '/'},  {'"', '"'},  {'\\', '\\'}, {'n', '\n'},
    {'r', '\r'}, {'t', '\t'}, {'b', '\b'},  {'f', '\f'},
};

/* Length of the escape at the start of `at` (`len` bytes) and its byte; 0 where there is none. */
static size_t read_escape(const char *at, size_t len, unsigned char *byte)
{
	int value = -1;
	size_t size = 0;

	if (at[0] == '%' && len >= 3) {
		value = hex_byte(at + 1);
		size = 3;
	} else if (at[0] == '\\' && len >= 6 && memcmp(at, "\\u00", 4) == 0) {
		value = hex_byte(at + 4);
		size = 6;
	} else if (at[0] == '\\' && len >= 2) {
		size = 2;
		for (size_t i = 0; i < ARRAY_LENGTH(short_escapes); i++)
			if (at[1] == short_escapes[i][0])
				value = (unsigned char)short_escapes[i][1];
	}
	if (value < 0)
		return 0;
	*byte = (unsigned char)value;
	return size;
}

/* --- remembering --- */

static void allow_start(char first, char second)
{
	unsigned pair = (unsigned)(unsigned char)first << 8 | (unsigned char)second;

	atomic_fetch_or_explicit(&start_pairs[pair / 64], UINT64_C(1) << pair % 64,
	                         memory_order_release);
}

/* Every way in which the first two bytes of a match can read. */
static void allow_starts(const struct pattern *pattern)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	unsigned char first = (unsigned char)pattern->bytes[0];

	allow_start(pattern->bytes[0], pattern->bytes[1]);
	allow_start(pattern->bytes[0], '%');
	allow_start(pattern->bytes[0], '\\');
	allow_start('%', digits[first >> 4]);
	allow_start('%', digits[16 + (first >> 4)]);
	allow_start('\\', 'u');
	for (size_t i = 0; i < ARRAY_LENGTH(short_escapes); i++)
		if (pattern->bytes[0] == short_escapes[i][1])
			allow_start('\\', short_escapes[i][0]);
}

static struct pattern *pattern_new(size_t len)
{
	struct pattern *fresh = memory_new(sizeof(*fresh) + len);

	fresh->len = len;
	return fresh;
}

/* Takes the pattern over. Duplicates (one base64 text in both alphabets) are dropped. */
static void add_pattern(struct pattern *pattern)
{
	struct pattern *_Atomic *first = &patterns_by_first[(unsigned char)pattern->bytes[0]];

	for (const struct pattern *other = *first; other != NULL; other = other->next) {
		if (other->len == pattern->len &&
		    memcmp(other->bytes, pattern->bytes, pattern->len) == 0) {
			memory_free(pattern);
			return;
		}
	}
	pattern->all = all_patterns;
	all_patterns = pattern;
	pattern->next = *first;
	atomic_store_explicit(first, pattern, memory_order_release);
	allow_starts(pattern);
}

/* Six bits of `secret` from bit `from` on; all of them lie within it. */
static unsigned six_bits(struct text secret, size_t from)
{
	unsigned window = (unsigned)(unsigned char)secret.data[from / 8] << 8;

	if (from / 8 + 1 < secret.len)
		window |= (unsigned char)secret.data[from / 8 + 1];
	return window >> (10 - from % 8) & 63;
}

/* What base64 makes of the secret when `skip` bytes (0 to 2) of its group stand before it. */
static void add_base64(struct text secret, size_t skip, const char *alphabet)
{
	size_t from = (6 - skip * 8 % 6) % 6; /* bits before the first character wholly ours */
	size_t len = (secret.len * 8 - from) / 6;
	struct pattern *pattern = pattern_new(len);

	for (size_t i = 0; i < len; i++)
		pattern->bytes[i] = alphabet[six_bits(secret, from + 6 * i)];
	pattern->before = from != 0;
	pattern->after = from + 6 * len != secret.len * 8;
	add_pattern(pattern);
}

static void add_secret(struct text secret)
{
	static const char standard[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char for_urls[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct pattern *raw = pattern_new(secret.len);

	memcpy(raw->bytes, secret.data, secret.len);
	add_pattern(raw);
	for (size_t skip = 0; skip < 3; skip++) {
		add_base64(secret, skip, standard);
		add_base64(secret, skip, for_urls);
	}
}

static bool is_remembered(struct text secret)
{
	const struct pattern *pattern = patterns_by_first[(unsigned char)secret.data[0]];

	for (; pattern != NULL; pattern = pattern->next)
		if (text_equal((struct text){pattern->bytes, pattern->len}, secret))
			return true;
	return false;
}

bool redact_remember(struct text secret)
{
	bool kept = true;

	if (secret.len < REDACT_MIN_BYTES || secret.len > REDACT_MAX_BYTES)
		return false;
	REQUIRE(pthread_mutex_lock(&remember_lock) == 0);
	if (is_remembered(secret)) {
		kept = true;
	} else if (secret_count == REDACT_MAX_SECRETS) {
		kept = false;
	} else {
		add_secret(secret);
		secret_count++;
	}
	REQUIRE(pthread_mutex_unlock(&remember_lock) == 0);
	return kept;
}

void redact_forget_all(void)
{
	REQUIRE(pthread_mutex_lock(&remember_lock) == 0);
	for (size_t i = 0; i < PAIR_WORDS; i++)
		start_pairs[i] = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(patterns_by_first); i++)
		patterns_by_first[i] = NULL;
	secret_count = 0;
	while (all_patterns != NULL) {
		struct pattern *pattern = all_patterns;
		all_patterns = pattern->all;
		OPENSSL_cleanse(pattern->bytes, pattern->len);
		memory_free(pattern);
	}
	REQUIRE(pthread_mutex_unlock(&remember_lock) == 0);
}

/* --- finding --- */

/* Where the pattern ends when it stands at the start of `rest`, its bytes escaped or not; else 0.
 */
static size_t match_escaped(const struct pattern *pattern, struct text rest)
{
	size_t at = 0;

	for (size_t i = 0; i < pattern->len; i++) {
		unsigned char byte = 0;
		if (at == rest.len)
			return 0;
		size_t size = read_escape(rest.data + at, rest.len - at, &byte);
		if (size != 0 && (char)byte == pattern->bytes[i])
			at += size;
		else if (rest.data[at] == pattern->bytes[i])
			at++;
		else
			return 0;
	}
	return at;
}

static size_t match(const struct pattern *pattern, struct text rest)
{
	if (rest.len >= pattern->len && memcmp(rest.data, pattern->bytes, pattern->len) == 0)
		return pattern->len;
	return match_escaped(pattern, rest);
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '-' || c == '_';
}

struct span {
	size_t begin, end;
};

/* Widens `hit` by the patterns of one first byte that stand at `at`. */
static bool match_list(unsigned char first, struct text whole, size_t at, struct span *hit)
{
	const struct pattern *pattern =
	    atomic_load_explicit(&patterns_by_first[first], memory_order_acquire);
	bool found = false;

	for (; pattern != NULL; pattern = pattern->next) {
		size_t size = match(pattern, text_slice(whole, at, whole.len));
		if (size == 0)
			continue;
		size_t begin = at;
		size_t end = at + size;
		if (pattern->before && begin > 0 && is_base64(whole.data[begin - 1]))
			begin--;
		if (pattern->after && end < whole.len && is_base64(whole.data[end]))
			end++;
		hit->begin = found ? size_min(hit->begin, begin) : begin;
		hit->end = found && hit->end > end ? hit->end : end;
		found = true;
	}
	return found;
}

/* The longest secret that starts at `at`. */
static bool match_at(struct text whole, size_t at, struct span *hit)
{
	unsigned char byte = 0;
	struct span escaped;
	bool found = match_list((unsigned char)whole.data[at], whole, at, hit);

	if (read_escape(whole.data + at, whole.len - at, &byte) == 0 ||
	    !match_list(byte, whole, at, &escaped))
		return found;
	hit->begin = found ? size_min(hit->begin, escaped.begin) : escaped.begin;
	hit->end = found && hit->end > escaped.end ? hit->end : escaped.end;
	return true;
}

/* The first position in [from, to) where a match may start, or `to`. */
static size_t next_start(struct text whole, size_t from, size_t to)
{
	/* No secret is one byte long: the last byte starts nothing. */
	to = size_min(to, whole.len == 0 ? 0 : whole.len - 1);
	for (; from < to; from++) {
		unsigned pair = (unsigned)(unsigned char)whole.data[from] << 8 |
		                (unsigned char)whole.data[from + 1];
		uint64_t word = atomic_load_explicit(&start_pairs[pair / 64], memory_order_relaxed);
		if ((word >> pair % 64 & 1) != 0)
			break;
	}
	return from;
}

/*
 * The first masked region at or after `from`. Secrets that overlap make one
 * region: the second is looked for in bytes that are not masked yet.
 */
static bool find_region(struct text whole, size_t from, struct span *region)
{
	struct span hit;

	do {
		from = next_start(whole, from, whole.len);
		if (from + 1 >= whole.len)
			return false;
	} while (!match_at(whole, from++, region));
	for (; (from = next_start(whole, from, region->end)) < region->end; from++) {
		if (from + 1 >= whole.len)
			break;
		if (match_at(whole, from, &hit) && hit.end > region->end)
			region->end = hit.end;
	}
	return true;
}

bool redact_bytes(char *bytes, size_t len)
{
	struct span region;
	bool masked = false;

	if (secret_count == 0)
		return false;
	for (size_t at = 0; find_region((struct text){bytes, len}, at, &region); at = region.end) {
		memset(bytes + region.begin, '*', region.end - region.begin);
		masked = true;
	}
	return masked;
}

struct text redact_text(struct arena *arena, struct text view)
{
	struct span region;

	if (secret_count == 0 || !find_region(view, 0, &region))
		return view;
	char *copy = arena_alloc_bytes(arena, view.len + 1);
	memcpy(copy, view.data, view.len);
	copy[view.len] = '\0';
	(void)redact_bytes(copy, view.len);
	return (struct text){copy, view.len};
}
