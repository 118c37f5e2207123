/*
 * A suite, a matrix and shapes by hand: what the tests of evidence and router are about, without
 * files and without the core suite.
 */
#ifndef PROVISO_TESTS_UNIT_RUN_ROUTING_H
#define PROVISO_TESTS_UNIT_RUN_ROUTING_H

#include "harness/base/json.h"
#include "harness/run/route/evidence.h"
#include "tests/unit/unit.h"

#include <math.h>

enum { ROUTING_CASES = 512, ROUTING_CELLS = 32768 };

#define ROUTING_DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define ROUTING_NOW_MS ((int64_t)20000 * 24 * 60 * 60 * 1000)

struct routing {
	struct arena arena;
	struct eval_case cases[ROUTING_CASES];
	struct suite suite;
	struct matrix_cell cells[ROUTING_CELLS];
	struct matrix matrix;
};

static inline void routing_init(struct routing *rig)
{
	/* Not cases and cells: they are large, and written before they are counted. */
	rig->arena = (struct arena){0};
	rig->suite = (struct suite){.cases = rig->cases};
	rig->matrix = (struct matrix){.cells = rig->cells, .suite_hash = TEXT("0123456789ab")};
}

/* Names between spaces. */
static inline struct text_list routing_names(struct routing *rig, const char *spaced)
{
	struct text rest = text_of(spaced);
	struct text name;
	struct text_list names = {ARENA_NEW_ARRAY(&rig->arena, struct text, strlen(spaced) + 1), 0};

	while (text_next_field(&rest, ' ', &name))
		if (name.len > 0)
			names.items[names.count++] = name;
	return names;
}

/* `asked`: "sync", "stream" or "both". Its hash is "hash-ID". */
static inline struct eval_case *routing_case(struct routing *rig, const char *id,
                                             enum case_severity severity, const char *vouches,
                                             const char *asked)
{
	struct eval_case *eval_case = &rig->cases[rig->suite.count++];

	ck_assert_uint_le(rig->suite.count, ROUTING_CASES);
	*eval_case = (struct eval_case){
	    .id = text_of(id),
	    .title = TEXT("a case"),
	    .severity = severity,
	    .class_ = CASE_STOCHASTIC,
	    .vouches = routing_names(rig, vouches),
	    .variants = {strcmp(asked, "stream") != 0, strcmp(asked, "sync") != 0},
	};
	(void)snprintf(eval_case->hash, sizeof(eval_case->hash), "hash-%s", id);
	return eval_case;
}

/* "TC-10" or "TC-10~stream" at the target, asked a day ago. */
static inline struct matrix_cell *routing_cell(struct routing *rig, const char *target,
                                               const char *label, enum verdict verdict)
{
	struct matrix_cell *cell = &rig->cells[rig->matrix.count++];
	struct text name = text_of(target);
	struct text id = text_of(label);
	size_t slash = text_find_byte(name, '/', 0);
	size_t tilde = text_find_byte(id, '~', 0);

	ck_assert_uint_le(rig->matrix.count, ROUTING_CELLS);
	id = text_slice(id, 0, tilde);
	*cell = (struct matrix_cell){
	    .target = name,
	    .provider = text_slice(name, 0, slash),
	    .model = text_slice(name, slash + 1, name.len),
	    .case_id = id,
	    .variant = tilde == TEXT_NOT_FOUND ? CASE_SYNC : CASE_STREAM,
	    .class_ = CASE_STOCHASTIC,
	    .verdict = verdict,
	    .case_hash = text_format(&rig->arena, "hash-%.*s", TEXT_ARG(id)),
	    .tested_wall_ms = ROUTING_NOW_MS - ROUTING_DAY_MS,
	    .rate = (double)NAN,
	    .rate_low = (double)NAN,
	    .rate_high = (double)NAN,
	    .tokens_per_second = (double)NAN,
	    .completion_tokens = -1,
	    .prompt_tokens = -1,
	    .cost_pico_usd = -1,
	    .latency_p50_us = -1,
	    .latency_p90_us = -1,
	    .ttft_p50_us = -1,
	    .ttft_p90_us = -1,
	};
	return cell;
}

static inline struct shape routing_shape(struct routing *rig, const char *spaced)
{
	struct text_list names = routing_names(rig, spaced);
	struct shape shape;
	struct text bad;

	ck_assert_msg(shape_from_names(&names, &rig->arena, &shape, &bad), "no feature %.*s",
	              TEXT_ARG(bad));
	return shape;
}

#endif
