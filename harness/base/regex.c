/*
 * PCRE2 with limits; see regex.h.
 *
 * PCRE2's own match limit holds for one start position only, and a single step of it may scan
 * the whole subject: a quadratic pattern on a long text would run for minutes below it. So
 * each pattern is compiled with a callout before each of its items, and the callout counts:
 * steps, and bytes passed over since the last one. That costs some nanoseconds a step and
 * gives the same answer on every machine, which a clock would not.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "harness/base/regex.h"

#include "harness/base/regex_private.h"

#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
	MATCH_LIMIT = 1000000,        /* PCRE2's steps for one start position */
	HEAP_LIMIT_KIB = 64 * 1024,   /* what the interpreter may hold to go back */
	WORK_LIMIT = 200000000,       /* in all: about a second */
	BYTES_A_STEP = 16,            /* passing over that many bytes takes as long as one step */
	PATTERN_MAX_BYTES = 64 << 10, /* PCRE2 compiles no more than that anyway */
	TRANSLATED_MAX_BYTES = 1 << 20,
	ERROR_BYTES = 160,
};

/* A suite has over a hundred, and most commands try none: machine code is made at the first search,
 * which may be on any thread. */
struct compiled {
	pcre2_code *code;
	atomic_bool prepared;
};

struct regex {
	struct compiled *compiled; /* owned */
	struct needle_set needles;
	uint32_t options;
	size_t len;
	char pattern[]; /* as PCRE2 got it: to compile it once more for a subject that is not UTF-8
	                 */
};

struct meter {
	uint64_t left; /* steps that may still be taken */
	size_t at;     /* where the last step was */
};

/* --- compiling ---------------------------------------------------------------- */

/* A pattern on its way to PCRE2. */
struct request {
	struct text pattern;
	uint32_t options;
	bool translated; /* then PCRE2's offset is none of the pattern that was written */
	struct place place;
};

static bool fault_pattern(struct fault *fault, const struct request *request, int error,
                          size_t offset)
{
	PCRE2_UCHAR message[ERROR_BYTES];

	pcre2_get_error_message(error, message, sizeof(message));
	if (request->translated)
		return fault_at(fault, request->place, "this pattern is wrong: %s",
		                (const char *)message);
	return fault_at(fault, request->place, "this pattern is wrong at its byte %zu: %s", offset,
	                (const char *)message);
}

static pcre2_code *compile_code(struct text pattern, uint32_t options, int *error, size_t *offset)
{
	uint32_t always = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);

	REQUIRE(context != NULL);
	/* Half a pair of surrogates matches nothing, yet may end a range (regex_ecma.c). */
	(void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)(pattern.data == NULL ? "" : pattern.data),
	                                 pattern.len, options | always, error, offset, context);
	pcre2_compile_context_free(context);
	return code;
}

static bool is_anchored(const pcre2_code *code)
{
	uint32_t options = 0;

	(void)pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	return (options & PCRE2_ANCHORED) != 0;
}

static bool compile(const struct request *request, struct regex **out, struct fault *fault)
{
	int error;
	size_t offset;
	struct text pattern = request->pattern;

	pcre2_code *code = compile_code(pattern, request->options, &error, &offset);
	if (code == NULL)
		return fault_pattern(fault, request, error, offset);
	struct regex *regex = memory_new(sizeof(*regex) + pattern.len);
	regex->compiled = memory_new(sizeof(*regex->compiled));
	regex->compiled->code = code;
	if (!is_anchored(code)) /* it is tried once: no search is cheaper */
		needles_read(pattern, (request->options & PCRE2_CASELESS) != 0, &regex->needles);
	regex->options = request->options;
	regex->len = pattern.len;
	if (pattern.len > 0)
		memcpy(regex->pattern, pattern.data, pattern.len);
	*out = regex;
	return true;
}

static bool check_length(struct text pattern, struct place place, struct fault *fault)
{
	if (pattern.len <= PATTERN_MAX_BYTES)
		return true;
	return fault_at(fault, place, "a pattern of %zu bytes; at most %d are taken", pattern.len,
	                PATTERN_MAX_BYTES);
}

bool regex_new(struct text pattern, unsigned flags, struct place place, struct regex **out,
               struct fault *fault)
{
	struct request request = {.pattern = pattern, .place = place};

	if (flags & REGEX_CASELESS)
		request.options |= PCRE2_CASELESS;
	if (flags & REGEX_MULTILINE)
		request.options |= PCRE2_MULTILINE;
	if (flags & REGEX_DOTALL)
		request.options |= PCRE2_DOTALL;
	return check_length(pattern, place, fault) && compile(&request, out, fault);
}

bool regex_new_slashed(struct text slashed, struct place place, struct regex **out,
                       struct fault *fault)
{
	size_t end = slashed.len;
	unsigned flags = 0;

	while (end > 0 && slashed.data[end - 1] != '/')
		end--;
	if (end < 2 || slashed.data[0] != '/')
		return fault_at(fault, place, "want a pattern between slashes, like /yes|no/i");
	for (size_t i = end; i < slashed.len; i++) {
		if (slashed.data[i] == 'i')
			flags |= REGEX_CASELESS;
		else if (slashed.data[i] == 'm')
			flags |= REGEX_MULTILINE;
		else if (slashed.data[i] == 's')
			flags |= REGEX_DOTALL;
		else
			return fault_at(fault, place,
			                "want only i, m or s behind the last slash of a pattern");
	}
	return regex_new(text_slice(slashed, 1, end - 1), flags, place, out, fault);
}

bool regex_new_ecma(struct text pattern, struct place place, struct regex **out,
                    struct fault *fault)
{
	struct text_buf translated;

	if (!check_length(pattern, place, fault))
		return false;
	text_buf_init(&translated, TRANSLATED_MAX_BYTES);
	regex_ecma_translate(pattern, &translated);
	struct request request = {
	    .pattern = text_buf_view(&translated),
	    .options = PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF,
	    .translated = true,
	    .place = place,
	};
	bool good = translated.overflow ? fault_at(fault, place, "this pattern is too large")
	                                : compile(&request, out, fault);
	text_buf_done(&translated);
	return good;
}

void regex_free(struct regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_code_free(regex->compiled->code);
	memory_free(regex->compiled);
	memory_free(regex);
}

void regex_prepare(const struct regex *regex)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct compiled *compiled = regex->compiled;

	if (atomic_load_explicit(&compiled->prepared, memory_order_acquire))
		return;
	REQUIRE(pthread_mutex_lock(&lock) == 0);
	/* Where no memory may be made executable, the interpreter does the same. */
	if (!atomic_load_explicit(&compiled->prepared, memory_order_relaxed))
		(void)pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE);
	atomic_store_explicit(&compiled->prepared, true, memory_order_release);
	REQUIRE(pthread_mutex_unlock(&lock) == 0);
}

/* --- matching ------------------------------------------------------------------- */

static int count_step(pcre2_callout_block *block, void *data)
{
	struct meter *meter = data;
	size_t at = block->current_position;
	size_t passed = at > meter->at ? at - meter->at : meter->at - at;

	meter->at = at;
	uint64_t steps = 1 + passed / BYTES_A_STEP;
	if (meter->left < steps) {
		meter->left = 0;
		return PCRE2_ERROR_CALLOUT;
	}
	meter->left -= steps;
	return 0;
}

/* One search under way. */
struct search {
	pcre2_match_data *found;
	pcre2_match_context *context;
	struct meter meter;
};

/*
 * The subject is not UTF-8: matches may lie between its bad bytes. PCRE2 10.42 can do that, but
 * its machine code then takes \D, \W and \S for ASCII only; so it is not on for every subject,
 * and the interpreter does it.
 */
static int match_between(const struct regex *regex, struct text subject, struct search *search)
{
	int error;
	size_t offset;
	pcre2_code *code = compile_code((struct text){regex->pattern, regex->len},
	                                regex->options | PCRE2_MATCH_INVALID_UTF, &error, &offset);

	if (code == NULL)
		return PCRE2_ERROR_NOMEMORY; /* it was compiled before */
	int result = pcre2_match(code, (PCRE2_SPTR)subject.data, subject.len, 0, 0, search->found,
	                         search->context);
	pcre2_code_free(code);
	return result;
}

static int match(const struct regex *regex, struct text subject, struct search *search)
{
	PCRE2_SPTR bytes = (PCRE2_SPTR)(subject.data == NULL ? "" : subject.data);

	pcre2_set_match_limit(search->context, MATCH_LIMIT);
	pcre2_set_heap_limit(search->context, HEAP_LIMIT_KIB);
	pcre2_set_callout(search->context, count_step, &search->meter);
	/* Several times as fast as PCRE2's own look. */
	if (!text_is_utf8(subject))
		return match_between(regex, subject, search);
	regex_prepare(regex);
	const pcre2_code *compiled = regex->compiled->code;
	int code = pcre2_match(compiled, bytes, subject.len, 0, PCRE2_NO_UTF_CHECK, search->found,
	                       search->context);
	/* The machine code has 32 kB to remember where to go back; the interpreter has more. */
	if (code == PCRE2_ERROR_JIT_STACKLIMIT)
		code =
		    pcre2_match(compiled, bytes, subject.len, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
		                search->found, search->context);
	return code;
}

/* A part of what matched: asked for by number, told as bytes. */
struct group {
	unsigned number;
	size_t start, end;
};

/* Nowhere (0, 0), where the group took no part. */
static void read_group(pcre2_match_data *found, struct group *group)
{
	const size_t *pair = pcre2_get_ovector_pointer(found) + 2 * (size_t)group->number;

	/* \K may put the start behind the end. */
	if (pair[0] == PCRE2_UNSET || pair[0] > pair[1])
		return;
	group->start = pair[0];
	group->end = pair[1];
}

static enum regex_result find(const struct regex *regex, struct text subject, uint64_t *steps_left,
                              struct group *group)
{
	if (needles_absent(&regex->needles, subject))
		return REGEX_MISS;
	struct search search = {
	    .found = pcre2_match_data_create_from_pattern(regex->compiled->code, NULL),
	    .context = pcre2_match_context_create(NULL),
	    .meter = {.left = *steps_left},
	};
	enum regex_result result = REGEX_LIMIT; /* no memory is no answer too */

	if (search.found != NULL && search.context != NULL) {
		int code = match(regex, subject, &search);
		if (code == PCRE2_ERROR_NOMATCH)
			result = REGEX_MISS;
		else if (code > 0)
			result = REGEX_MATCH;
		if (code > 0 && group->number < (unsigned)code)
			read_group(search.found, group);
	}
	pcre2_match_context_free(search.context);
	pcre2_match_data_free(search.found);
	*steps_left = search.meter.left;
	return result;
}

enum regex_result regex_find(const struct regex *regex, struct text subject, unsigned group,
                             size_t *start, size_t *end)
{
	struct group asked = {.number = group};
	uint64_t steps_left = WORK_LIMIT;

	enum regex_result result = find(regex, subject, &steps_left, &asked);
	*start = asked.start;
	*end = asked.end;
	return result;
}

enum regex_result regex_search(const struct regex *regex, struct text subject)
{
	uint64_t steps_left = WORK_LIMIT;

	return regex_search_within(regex, subject, &steps_left);
}

enum regex_result regex_search_within(const struct regex *regex, struct text subject,
                                      uint64_t *steps_left)
{
	uint64_t most = *steps_left < WORK_LIMIT ? *steps_left : WORK_LIMIT;
	uint64_t left = most;

	enum regex_result result = find(regex, subject, &left, &(struct group){0});
	*steps_left -= most - left;
	return result;
}
