/*
 * What must stand in a text that a pattern matches. Most patterns are tried on texts that they have
 * nothing to do with, and looking for a word takes a tenth of the time of trying the pattern at
 * every byte.
 *
 * The reader is cautious: what it does not know for sure makes it tell nothing, and then PCRE2 does
 * all. A letter that some character beyond ASCII equals when case is ignored (K and the Kelvin
 * sign, s and the long s) is no part of a needle.
 */
#include "harness/base/regex_private.h"

enum { DEPTH_MAX = 16 };

static bool is_letter(unsigned char byte)
{
	return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static bool is_digit(unsigned char byte)
{
	return byte >= '0' && byte <= '9';
}

/* --- reading a pattern --------------------------------------------------------- */

struct needle_reader {
	const char *at, *end;
	bool caseless;
	bool known; /* false: something that is not understood here */
};

/* One branch: literals in a row, and the best that was found so far. */
struct branch {
	struct needle run;
	struct needle_set best;
};

static int peek(const struct needle_reader *r)
{
	return r->at < r->end ? (unsigned char)*r->at : -1;
}

static bool take(struct needle_reader *r, char byte)
{
	if (r->at == r->end || *r->at != byte)
		return false;
	r->at++;
	return true;
}

static void give_up(struct needle_reader *r)
{
	r->known = false;
	r->at = r->end;
}

/* The shortest decides how often a set is found by chance; 0 of none. */
static size_t weight(const struct needle_set *set)
{
	size_t least = set->count == 0 ? 0 : NEEDLE_MAX_BYTES;

	for (size_t i = 0; i < set->count; i++)
		least = size_min(least, set->items[i].len);
	return least;
}

static void take_better(struct branch *branch, const struct needle_set *other)
{
	if (weight(other) > weight(&branch->best))
		branch->best = *other;
}

static void end_run(struct branch *branch)
{
	if (branch->run.len >= NEEDLE_MIN_BYTES) {
		struct needle_set set = {.count = 1};
		set.items[0] = branch->run;
		take_better(branch, &set);
	}
	branch->run.len = 0;
}

static void add_literal(const struct needle_reader *r, struct branch *branch, unsigned char byte)
{
	bool folds_further =
	    r->caseless && is_letter(byte) && ((byte | 0x20) == 'k' || (byte | 0x20) == 's');

	if (byte >= 0x80 || folds_further) {
		end_run(branch);
		return;
	}
	branch->run.bytes[branch->run.len++] = r->caseless && is_letter(byte) ? byte | 0x20 : byte;
	if (branch->run.len == NEEDLE_MAX_BYTES)
		end_run(branch);
}

enum repeat { ONCE, AT_LEAST_ONCE, MAYBE };

/* {n}, {n,} and {n,m}. */
static enum repeat read_braces(struct needle_reader *r)
{
	bool some = false;

	if (!is_digit((unsigned char)(peek(r) < 0 ? 0 : peek(r)))) {
		give_up(r); /* a brace as such, or something that only newer versions know */
		return MAYBE;
	}
	for (; peek(r) >= '0' && peek(r) <= '9'; r->at++)
		some = some || *r->at != '0';
	if (take(r, ','))
		while (peek(r) >= '0' && peek(r) <= '9')
			r->at++;
	if (!take(r, '}'))
		give_up(r);
	return some ? AT_LEAST_ONCE : MAYBE;
}

static enum repeat read_repeat(struct needle_reader *r)
{
	enum repeat repeat = ONCE;

	if (take(r, '*') || take(r, '?'))
		repeat = MAYBE;
	else if (take(r, '+'))
		repeat = AT_LEAST_ONCE;
	else if (take(r, '{'))
		repeat = read_braces(r);
	else
		return ONCE;
	if (!take(r, '?'))
		(void)take(r, '+');
	if (peek(r) > 0 && strchr("*?+{", peek(r)) != NULL)
		give_up(r); /* repeats of repeats */
	return repeat;
}

/* A character as such, which stands there unless it is repeated from none. */
static void literal(struct needle_reader *r, struct branch *branch, unsigned char byte)
{
	enum repeat repeat = read_repeat(r);

	if (repeat != MAYBE)
		add_literal(r, branch, byte);
	if (repeat != ONCE)
		end_run(branch);
}

/* Something of which no byte is known. */
static void unknown(struct needle_reader *r, struct branch *branch)
{
	(void)read_repeat(r);
	end_run(branch);
}

/* Of no width: what stands on both sides is still in a row. */
static void assertion(struct needle_reader *r)
{
	if (read_repeat(r) != ONCE)
		give_up(r);
}

static bool is_class_letter(int byte)
{
	return byte > 0 && strchr("dDwWsShHvVnrtf", byte) != NULL;
}

static bool is_escaped_sign(int byte)
{
	return byte > 0x20 && byte < 0x7f && !is_letter((unsigned char)byte) &&
	       !is_digit((unsigned char)byte);
}

static void escape(struct needle_reader *r, struct branch *branch)
{
	int byte = peek(r);

	r->at += byte >= 0;
	if (byte == 'b' || byte == 'B')
		assertion(r);
	else if (is_class_letter(byte))
		unknown(r, branch);
	else if (is_escaped_sign(byte))
		literal(r, branch, (unsigned char)byte);
	else
		give_up(r);
}

/* Behind its bracket. */
static void class(struct needle_reader *r, struct branch *branch)
{
	(void)take(r, '^');
	if (peek(r) == ']') { /* one of the class, or its end: that is an option's to say */
		give_up(r);
		return;
	}
	while (peek(r) >= 0 && peek(r) != ']') {
		bool escaped = take(r, '\\');
		int byte = peek(r);
		/* [[:alpha:]], [\Q...\E] */
		if (escaped ? byte != 'b' && !is_class_letter(byte) && !is_escaped_sign(byte)
		            : byte == '[') {
			give_up(r);
			return;
		}
		r->at++;
	}
	if (!take(r, ']'))
		give_up(r);
	unknown(r, branch);
}

static struct needle_set alternatives(struct needle_reader *r, unsigned depth);

/* Behind its parenthesis. */
static void group(struct needle_reader *r, struct branch *branch, unsigned depth)
{
	if (depth == DEPTH_MAX || peek(r) == '*' || (take(r, '?') && !take(r, ':'))) {
		give_up(r);
		return;
	}
	struct needle_set inside = alternatives(r, depth + 1);
	if (!take(r, ')'))
		give_up(r);
	end_run(branch);
	if (read_repeat(r) != MAYBE)
		take_better(branch, &inside);
}

static void atom(struct needle_reader *r, struct branch *branch, unsigned depth)
{
	unsigned char byte = (unsigned char)*r->at++;

	switch (byte) {
	case '\\':
		escape(r, branch);
		break;
	case '[':
		class(r, branch);
		break;
	case '(':
		group(r, branch, depth);
		break;
	case '^':
	case '$':
		assertion(r);
		break;
	case '.':
	case ']':
	case '}':
		unknown(r, branch);
		break;
	case '*':
	case '+':
	case '?':
	case '{':
		give_up(r);
		break;
	default:
		/* A character of several bytes is repeated as a whole. */
		while (byte >= 0x80 && peek(r) >= 0 && (peek(r) & 0xc0) == 0x80)
			r->at++;
		literal(r, branch, byte);
	}
}

/* Up to a parenthesis or the end: one of each branch, or nothing where one has none. */
static struct needle_set alternatives(struct needle_reader *r, unsigned depth)
{
	struct needle_set all = {0};
	bool each = true;

	do {
		struct branch branch = {0};
		while (r->at < r->end && *r->at != '|' && *r->at != ')')
			atom(r, &branch, depth);
		end_run(&branch);
		each =
		    each && branch.best.count > 0 && all.count + branch.best.count <= NEEDLES_MAX;
		for (size_t i = 0; each && i < branch.best.count; i++)
			all.items[all.count++] = branch.best.items[i];
	} while (take(r, '|'));
	if (!each)
		all.count = 0;
	return all;
}

/* Letters by how common they are in English text, the least common first; others are rarer. */
static size_t commonness(unsigned char byte)
{
	static const char letters[] = "zqxjkvbpygfwmucldrhsnioate ";
	const char *found = byte == 0 ? NULL : strchr(letters, byte);

	return found == NULL ? 0 : (size_t)(found - letters) + 1;
}

static void find_rare(struct needle *needle)
{
	const unsigned char *bytes = needle->bytes;
	unsigned char first = 0;

	for (unsigned char i = 1; i < needle->len; i++)
		if (commonness(bytes[i]) < commonness(bytes[first]))
			first = i;
	unsigned char second = first == 0 ? 1 : 0;
	for (unsigned char i = 0; i < needle->len; i++)
		if (i != first && commonness(bytes[i]) < commonness(bytes[second]))
			second = i;
	needle->rare[0] = first;
	needle->rare[1] = second;
}

static bool starts_with(const struct needle *needle, const struct needle *start)
{
	return needle->len >= start->len && memcmp(needle->bytes, start->bytes, start->len) == 0;
}

/* Of "refund" and "refunds" the first alone is looked for. */
static void drop_longer(struct needle_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		bool said = false;
		for (size_t j = 0; j < set->count && !said; j++)
			said = j != i && starts_with(&set->items[i], &set->items[j]) &&
			       (set->items[i].len > set->items[j].len || j < i);
		if (!said)
			set->items[kept++] = set->items[i];
	}
	set->count = kept;
}

/* (?i), (?ms) and the like, which hold for all that follows. */
static void read_options(struct needle_reader *r)
{
	while (r->end - r->at > 3 && r->at[0] == '(' && r->at[1] == '?' &&
	       strchr("ims", r->at[2]) != NULL && r->at[2] != '\0') {
		for (r->at += 2; peek(r) == 'i' || peek(r) == 'm' || peek(r) == 's'; r->at++)
			r->caseless = r->caseless || *r->at == 'i';
		if (!take(r, ')'))
			give_up(r);
	}
}

void needles_read(struct text pattern, bool caseless, struct needle_set *out)
{
	struct needle_reader r = {.caseless = caseless, .known = pattern.len > 0};

	*out = (struct needle_set){0};
	if (pattern.len == 0)
		return;
	r.at = pattern.data;
	r.end = pattern.data + pattern.len;
	read_options(&r);
	struct needle_set set = alternatives(&r, 0);
	if (!r.known || r.at != r.end)
		return;
	drop_longer(&set);
	for (size_t i = 0; i < set.count; i++)
		find_rare(&set.items[i]);
	*out = set;
	out->caseless = r.caseless;
}

/* --- looking for them ------------------------------------------------------------ */

enum { LANES = 16, BLOCK = 4 * LANES };

/* What the compilers make one register of, or a loop where there is none. */
typedef unsigned char lanes __attribute__((vector_size(LANES)));

/* One needle in one subject. */
struct hunt {
	const struct needle *needle;
	const unsigned char *subject;
	unsigned char fold[NEEDLE_MAX_BYTES]; /* 0x20 for a letter whose case is ignored */
	size_t tries_left;                    /* then it is taken to be there */
	bool there;
};

static void try_at(struct hunt *hunt, size_t at)
{
	const struct needle *needle = hunt->needle;

	for (size_t i = 0; i < needle->len; i++)
		if ((hunt->subject[at + i] | hunt->fold[i]) != needle->bytes[i]) {
			hunt->there = --hunt->tries_left == 0;
			return;
		}
	hunt->there = true;
}

/* One of the two bytes that are looked for, in all lanes. */
struct rare {
	size_t offset;
	lanes byte, fold;
};

static struct rare rare_of(const struct hunt *hunt, size_t which)
{
	size_t offset = hunt->needle->rare[which];

	return (struct rare){offset, (lanes){0} + hunt->needle->bytes[offset],
	                     (lanes){0} + hunt->fold[offset]};
}

static inline lanes equal(const unsigned char *at, const struct rare *rare)
{
	lanes bytes;

	memcpy(&bytes, at + rare->offset, LANES);
	return (lanes)((bytes | rare->fold) == rare->byte);
}

/* The first block of places from `at` on where both bytes stand somewhere, or the end of blocks. */
static size_t next_block(const struct hunt *hunt, size_t at, size_t places)
{
	struct rare a = rare_of(hunt, 0), b = rare_of(hunt, 1);
	const unsigned char *subject = hunt->subject;
	uint64_t any[2] = {0, 0};

	for (; places - at >= BLOCK; at += BLOCK) {
		lanes both = {0};
		for (size_t i = 0; i < BLOCK; i += LANES)
			both |= equal(subject + at + i, &a) & equal(subject + at + i, &b);
		memcpy(any, &both, LANES);
		if ((any[0] | any[1]) != 0)
			break;
	}
	return at;
}

static bool contains(const struct needle_set *set, const struct needle *needle, struct text subject)
{
	struct hunt hunt = {
	    .needle = needle,
	    .subject = (const unsigned char *)subject.data,
	    .tries_left = 8 * BLOCK + subject.len / 8,
	};
	size_t at = 0;

	if (subject.len < needle->len)
		return false;
	for (size_t i = 0; i < needle->len; i++)
		hunt.fold[i] = set->caseless && is_letter(needle->bytes[i]) ? 0x20 : 0;
	size_t places = subject.len - needle->len + 1;
	while (at < places && !hunt.there) {
		at = next_block(&hunt, at, places);
		for (size_t end = size_min(at + BLOCK, places); at < end && !hunt.there; at++)
			try_at(&hunt, at);
	}
	return hunt.there;
}

bool needles_absent(const struct needle_set *set, struct text subject)
{
	for (size_t i = 0; i < set->count; i++)
		if (contains(set, &set->items[i], subject))
			return false;
	return set->count > 0;
}
