/*
 * The scanner: one pass over the bytes, no recursion, a tree of nodes with their places.
 *
 * Speed comes from touching each byte once: the body of a string is searched eight bytes at a
 * time, a string without escapes is a view into the source, nodes come in batches. What is
 * strict stays strict: RFC 8259 grammar, RFC 3629 UTF-8, paired surrogates, no byte behind.
 */
#include "harness/base/json.h"

#include "harness/base/json_hash.h"

#include <inttypes.h>

const struct json_limits json_default_limits = {
    .bytes = (size_t)64 << 20,
    .depth = 128,
    .nodes = 4 << 20,
};

enum {
	NODE_BATCH_MAX = 256, /* 18 kB: small enough to waste, large enough to forget the call */
	BYTES_PER_NODE = 16,  /* a first guess at how dense the text is */
	FIRST_LEVELS = 32,
	NODE_BATCH_FIRST = 16,
};

/* One open array or object. */
struct level {
	struct json *container;
	struct json *last; /* its newest child */
	uint64_t seen;     /* a bit for each key: no bit met twice, no duplicate */
	bool suspect;
};

struct scanner {
	const char *start;
	const char *at;
	const char *end;
	const struct source *source;
	struct arena *arena;
	struct fault *fault;
	struct json *spare; /* nodes made ahead */
	struct json *spare_end;
	struct level *levels; /* `first_levels`, or in the arena */
	unsigned depth;
	unsigned depth_room; /* levels allocated */
	unsigned depth_max;
	uint32_t nodes_left;
	size_t nodes_made;
	struct level first_levels[FIRST_LEVELS]; /* not set before they are used */
};

static size_t offset_of(const struct scanner *s, const char *at)
{
	return (size_t)(at - s->start);
}

static struct place place_of(const struct scanner *s, const char *at)
{
	return (struct place){s->source, offset_of(s, at)};
}

/* "want" as in: a comma or "}" is wanted here. */
static bool fault_wanted(const struct scanner *s, const char *want)
{
	if (s->at == s->end)
		return fault_at(s->fault, place_of(s, s->at), "the JSON text ends here; want %s",
		                want);
	unsigned char byte = (unsigned char)*s->at;
	if (byte > 0x20 && byte < 0x7f)
		return fault_at(s->fault, place_of(s, s->at), "want %s, not '%c'", want, byte);
	return fault_at(s->fault, place_of(s, s->at), "want %s, not the byte 0x%02x", want, byte);
}

/* --- nodes ------------------------------------------------------------------ */

static struct json *node_new(struct scanner *s)
{
	if (s->spare == s->spare_end) {
		size_t wanted = (size_t)(s->end - s->at) / BYTES_PER_NODE + 4;
		/* As many again as there are: a text of few long strings has few. */
		size_t likely = s->nodes_made < NODE_BATCH_FIRST ? NODE_BATCH_FIRST : s->nodes_made;
		size_t batch = size_min(size_min(wanted, likely), NODE_BATCH_MAX);
		s->nodes_made += batch;
		s->spare = ARENA_NEW_ARRAY(s->arena, struct json, batch);
		s->spare_end = s->spare + batch;
	}
	struct json *node = s->spare++;
	node->source = s->source;
	return node;
}

static inline void skip_space(struct scanner *s)
{
	const char *at = s->at;

	/* Between most tokens of what programs write there is none: one comparison says so. */
	while (at < s->end && (unsigned char)*at <= ' ' &&
	       (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	s->at = at;
}

/* --- strings ---------------------------------------------------------------- */

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (uint64_t)(value))

static bool is_plain(char c)
{
	unsigned char byte = (unsigned char)c;
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/*
 * The first byte that needs a look: a quote, a backslash, a control, anything beyond ASCII.
 * The subtractions set the top bit of each such byte; they may set it wrongly too, but only
 * above a byte that is rightly marked, and the lowest is what counts.
 */
static const char *skip_plain(const char *at, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while ((size_t)(end - at) >= sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, at, sizeof(word));
		uint64_t quote = (word ^ EACH_BYTE('"')) - EACH_BYTE(1);
		uint64_t backslash = (word ^ EACH_BYTE('\\')) - EACH_BYTE(1);
		uint64_t control = word - EACH_BYTE(0x20);
		uint64_t marked = (quote | backslash | control | word) & EACH_BYTE(0x80);
		if (marked != 0)
			return at + (unsigned)__builtin_ctzll(marked) / 8;
		at += sizeof(word);
	}
#endif
	while (at < end && is_plain(*at))
		at++;
	return at;
}

static bool is_tail(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes of the well-formed sequence beyond ASCII at `at`; 0 where there is none. */
static size_t sequence_size(const char *at, const char *end)
{
	size_t left = (size_t)(end - at);
	unsigned char lead = (unsigned char)at[0];
	unsigned char second = left > 1 ? (unsigned char)at[1] : 0;

	if (lead < 0xe0)
		return lead >= 0xc2 && (second & 0xc0) == 0x80 ? 2 : 0;
	if (lead < 0xf0) {
		unsigned char low = lead == 0xe0 ? 0xa0 : 0x80;  /* below: overlong */
		unsigned char high = lead == 0xed ? 0x9f : 0xbf; /* above: a surrogate */
		return left >= 3 && second >= low && second <= high && is_tail(at[2]) ? 3 : 0;
	}
	if (lead < 0xf5) {
		unsigned char low = lead == 0xf0 ? 0x90 : 0x80;
		unsigned char high = lead == 0xf4 ? 0x8f : 0xbf; /* above: past U+10FFFF */
		return left >= 4 && second >= low && second <= high && is_tail(at[2]) &&
		               is_tail(at[3])
		           ? 4
		           : 0;
	}
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The unit of a "\uXXXX" at `at`; false where there is none. */
static bool read_unit(const char *at, const char *end, uint32_t *unit)
{
	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return false;
	*unit = 0;
	for (int i = 2; i < 6; i++) {
		int digit = hex_value(at[i]);
		if (digit < 0)
			return false;
		*unit = *unit << 4 | (uint32_t)digit;
	}
	return true;
}

/* Bytes of the escape at `at` (a pair of surrogates is one escape); 0 where it is wrong. */
static size_t escape_size(const char *at, const char *end, uint32_t *code_point)
{
	static const char names[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	uint32_t low;

	if (end - at < 2)
		return 0;
	if (at[1] != 'u') {
		const char *name = at[1] == '\0' ? NULL : strchr(names, at[1]);
		if (name == NULL)
			return 0;
		*code_point = (unsigned char)meant[name - names];
		return 2;
	}
	if (!read_unit(at, end, code_point))
		return 0;
	if (*code_point < 0xd800 || *code_point > 0xdfff)
		return 6;
	if (*code_point > 0xdbff || !read_unit(at + 6, end, &low) || low < 0xdc00 || low > 0xdfff)
		return 0;
	*code_point = 0x10000 + ((*code_point - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

static bool fault_string(const struct scanner *s, const char *at)
{
	unsigned char byte = (unsigned char)*at;
	uint32_t unit;

	if (byte < 0x20)
		return fault_at(s->fault, place_of(s, at),
		                "the control byte 0x%02x must be escaped in a string", byte);
	if (byte >= 0x80)
		return fault_at(s->fault, place_of(s, at),
		                "the byte 0x%02x here is not UTF-8 (RFC 3629)", byte);
	if (read_unit(at, s->end, &unit))
		return fault_at(s->fault, place_of(s, at),
		                "\\u%04" PRIx32 " is half of a surrogate pair, alone", unit);
	return fault_at(s->fault, place_of(s, at),
	                "want \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hex digits");
}

/* Escapes were checked when the string was scanned. */
static struct text decode(struct scanner *s, const char *at, const char *end)
{
	char *first = arena_alloc_bytes(s->arena, (size_t)(end - at));
	char *out = first;

	while (at < end) {
		const char *stop = memchr(at, '\\', (size_t)(end - at));
		size_t plain = (size_t)((stop == NULL ? end : stop) - at);
		memcpy(out, at, plain);
		out += plain;
		at += plain;
		if (stop != NULL) {
			uint32_t code_point = 0;
			at += escape_size(at, end, &code_point);
			out += text_utf8_encode(code_point, out);
		}
	}
	return (struct text){first, (size_t)(out - first)};
}

/* A string of more than plain bytes: escapes, or text beyond ASCII. `at`: the first of them. */
static bool scan_hard_string(struct scanner *s, const char *at, struct text *out)
{
	const char *first = s->at + 1;
	bool escaped = false;
	uint32_t ignored;

	for (;; at = skip_plain(at, s->end)) {
		if (at == s->end)
			return fault_at(s->fault, place_of(s, s->at),
			                "this string has no closing quote");
		if (*at == '"')
			break;
		size_t size = 0;
		if (*at == '\\') {
			size = escape_size(at, s->end, &ignored);
			escaped = true;
		} else if ((unsigned char)*at >= 0x80) {
			size = sequence_size(at, s->end);
		}
		if (size == 0)
			return fault_string(s, at);
		at += size;
	}
	*out = escaped ? decode(s, first, at) : (struct text){first, (size_t)(at - first)};
	s->at = at + 1;
	return true;
}

/* The string whose quote stands at `at`, decoded. */
static inline bool scan_string(struct scanner *s, struct text *out)
{
	const char *first = s->at + 1;
	const char *at = skip_plain(first, s->end);

	if (at == s->end || *at != '"')
		return scan_hard_string(s, at, out);
	*out = (struct text){first, (size_t)(at - first)};
	s->at = at + 1;
	return true;
}

/* --- numbers and words ------------------------------------------------------- */

static bool is_digit(const struct scanner *s, const char *at)
{
	return at < s->end && *at >= '0' && *at <= '9';
}

static bool skip_digits(struct scanner *s)
{
	if (!is_digit(s, s->at))
		return fault_wanted(s, "a digit");
	do
		s->at++;
	while (is_digit(s, s->at));
	return true;
}

static bool scan_number(struct scanner *s)
{
	if (*s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0') {
		s->at++;
		if (is_digit(s, s->at))
			return fault_at(s->fault, place_of(s, s->at - 1),
			                "a number may not start with 0 and go on with digits");
	} else if (!skip_digits(s)) {
		return false;
	}
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!skip_digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		if (!skip_digits(s))
			return false;
	}
	return true;
}

static bool scan_word(struct scanner *s, const char *word, size_t size)
{
	if ((size_t)(s->end - s->at) < size || memcmp(s->at, word, size) != 0)
		return fault_wanted(s, "a JSON value");
	s->at += size;
	return true;
}

/* --- arrays and objects ------------------------------------------------------ */

static bool open_level(struct scanner *s, struct json *container)
{
	if (s->depth == s->depth_max)
		return fault_at(s->fault, place_of(s, s->at), "nested deeper than %u levels",
		                s->depth_max);
	if (s->depth == s->depth_room) {
		unsigned room = s->depth_room * 2;
		struct level *levels = ARENA_NEW_ARRAY(s->arena, struct level, room);
		memcpy(levels, s->levels, s->depth * sizeof(*levels));
		s->levels = levels;
		s->depth_room = room;
	}
	s->levels[s->depth++] = (struct level){.container = container};
	s->at++;
	return true;
}

static void close_level(struct scanner *s)
{
	struct level *level = &s->levels[--s->depth];
	struct json *container = level->container;

	s->at++;
	container->end = (uint32_t)offset_of(s, s->at);
	container->text =
	    (struct text){s->start + container->begin, container->end - container->begin};
	container->last = level->last;
	if (level->suspect)
		json_mark_duplicates(container);
}

/* A cheap mark only: two keys may share it, then the object is looked at when it ends. */
static void note_key(struct level *level, struct text key)
{
	unsigned mark = (unsigned)key.len * 7;

	if (key.len > 0)
		mark += (unsigned char)key.data[0] + 3u * (unsigned char)key.data[key.len - 1] +
		        13u * (unsigned char)key.data[key.len / 2];
	uint64_t bit = UINT64_C(1) << (mark & 63);
	level->suspect = level->suspect || (level->seen & bit) != 0;
	level->seen |= bit;
}

static bool scan_key(struct scanner *s, struct level *level, struct json *member)
{
	skip_space(s);
	if (s->at == s->end || *s->at != '"')
		return fault_wanted(s, "a key in double quotes");
	if (!scan_string(s, &member->key))
		return false;
	note_key(level, member->key);
	skip_space(s);
	if (s->at == s->end || *s->at != ':')
		return fault_wanted(s, "a colon");
	s->at++;
	return true;
}

static bool scan_value(struct scanner *s, struct json *node)
{
	bool good = false;

	skip_space(s);
	node->begin = (uint32_t)offset_of(s, s->at);
	if (s->nodes_left-- == 0)
		return fault_at(s->fault, place_of(s, s->at), "too many values");
	switch (s->at == s->end ? '\0' : *s->at) {
	case '"':
		node->type = JSON_STRING;
		good = scan_string(s, &node->text);
		node->end = (uint32_t)offset_of(s, s->at);
		return good;
	case '{':
		node->type = JSON_OBJECT;
		return open_level(s, node);
	case '[':
		node->type = JSON_ARRAY;
		return open_level(s, node);
	case 't':
		node->type = JSON_BOOL;
		node->truth = true;
		good = scan_word(s, "true", 4);
		break;
	case 'f':
		node->type = JSON_BOOL;
		good = scan_word(s, "false", 5);
		break;
	case 'n':
		node->type = JSON_NULL;
		good = scan_word(s, "null", 4);
		break;
	default:
		if (!is_digit(s, s->at) && (s->at == s->end || *s->at != '-'))
			return fault_wanted(s, "a JSON value");
		node->type = JSON_NUMBER;
		good = scan_number(s);
	}
	node->end = (uint32_t)offset_of(s, s->at);
	node->text = (struct text){s->start + node->begin, node->end - node->begin};
	return good;
}

/* Closes what ends here and makes the node of the next value: NULL when the root is whole. */
static bool next_node(struct scanner *s, struct json **node)
{
	while (s->depth > 0) {
		struct level *level = &s->levels[s->depth - 1];
		struct json *container = level->container;
		bool object = container->type == JSON_OBJECT;

		skip_space(s);
		if (s->at < s->end && *s->at == (object ? '}' : ']')) {
			close_level(s);
			continue;
		}
		if (container->count > 0) {
			if (s->at == s->end || *s->at != ',')
				return fault_wanted(s,
				                    object ? "a comma or '}'" : "a comma or ']'");
			s->at++;
		}
		*node = node_new(s);
		container->count++;
		if (level->last == NULL)
			container->first = *node;
		else
			level->last->next = *node;
		level->last = *node;
		return object ? scan_key(s, level, *node) : true;
	}
	*node = NULL;
	return true;
}

static bool scan_tree(struct scanner *s, struct json **root)
{
	*root = node_new(s);
	for (struct json *node = *root; node != NULL;) {
		if (!scan_value(s, node) || !next_node(s, &node))
			return false;
	}
	return true;
}

bool json_read_prefix(const struct source *source, const struct json_limits *limits,
                      struct arena *arena, struct json **root, size_t *end, struct fault *fault)
{
	struct text body = source->body;

	if (limits == NULL)
		limits = &json_default_limits;
	if (body.len > limits->bytes || body.len >= UINT32_MAX)
		return fault_at(fault, (struct place){source, 0},
		                "%zu bytes of JSON; at most %zu are read", body.len,
		                size_min(limits->bytes, UINT32_MAX - 1));
	if (text_starts(body, TEXT("\xef\xbb\xbf")))
		return fault_at(fault, (struct place){source, 0},
		                "a byte order mark may not stand before JSON");

	const char *data = body.data == NULL ? "" : body.data;
	struct scanner s;
	s.start = s.at = data;
	s.end = data + body.len;
	s.source = source;
	s.arena = arena;
	s.fault = fault;
	s.spare = s.spare_end = NULL;
	s.levels = s.first_levels;
	s.depth = 0;
	s.depth_room = FIRST_LEVELS;
	s.depth_max = limits->depth < JSON_DEPTH_MAX ? limits->depth : JSON_DEPTH_MAX;
	s.nodes_left = limits->nodes;
	s.nodes_made = 0;
	if (!scan_tree(&s, root))
		return false;
	*end = (size_t)(s.at - data);
	return true;
}

bool json_read(const struct source *source, const struct json_limits *limits, struct arena *arena,
               struct json **root, struct fault *fault)
{
	struct text body = source->body;
	size_t end = 0;

	if (!json_read_prefix(source, limits, arena, root, &end, fault))
		return false;
	while (end < body.len && strchr(" \n\r\t", body.data[end]) != NULL && body.data[end] != 0)
		end++;
	if (end < body.len)
		return fault_at(fault, (struct place){source, end},
		                "something stands behind the JSON value");
	return true;
}

bool json_read_text(struct text body, const char *name, struct arena *arena, struct json **root,
                    struct fault *fault)
{
	struct source *source = ARENA_NEW(arena, struct source);

	source->name = text_copy(arena, text_of(name));
	source->body = body;
	return json_read(source, NULL, arena, root, fault);
}
