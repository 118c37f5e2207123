/* What the files of the repairs share; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_REPAIR_PRIVATE_H
#define PROVISO_PROVIDERS_REPAIR_PRIVATE_H

#include "providers/repair/repair.h"
#include "providers/wire/sse.h"

/* --- edits: repair_edit.c --- */

/* Bytes [begin, end) of a source become `text`; equal begin and end insert. */
struct edit {
	size_t begin, end;
	struct text text;
};

enum { EDITS_MAX = 4096 };

/* Collected in any order, applied in one go. */
struct edits {
	struct arena *arena;
	struct edit *items;
	size_t count, room;
	bool overflow; /* more than EDITS_MAX: nothing is applied */
};

void edits_init(struct edits *edits, struct arena *arena);
void edits_replace(struct edits *edits, const struct json *node, struct text text);
/* As the first member of an object. */
void edits_insert_member(struct edits *edits, const struct json *object, struct text member);
/* Appends the source's bytes, edited. False (nothing appended) where edits overlap or overflow. */
MUST_CHECK bool edits_apply(struct edits *edits, struct text source, struct text_buf *out);

/* --- one reply --- */

struct repaired_call {
	int64_t choice;
	int64_t sent;     /* the index it came with; -1: none */
	int64_t assigned; /* the index it has */
	struct text id;   /* arena of the reply; empty: none came */
	bool has_arguments;
	uint64_t last_fragment;        /* the number of its latest one in the reply */
	const struct json *first_here; /* its first one in the event at hand; NULL: it has none */
};

struct repairer {
	struct repairer_options options;
	repair_bits applied;
	struct arena arena;       /* of the reply */
	struct arena event_arena; /* of the event at hand */
	struct sse_splitter splitter;
	struct text_buf raw; /* the event at hand, or the plain body, as it came */
	size_t line_at;      /* where in it the line begins that the splitter has not seen */
	struct text_buf *out;
	bool passing; /* over a cap, or lines end in lone CRs: the rest goes through as it is */
	struct repaired_call *calls; /* arena; REPAIR_MAX_CALLS */
	size_t call_count;
	uint64_t fragments; /* seen */
	struct text_buf usage,
	    head; /* usage seen at a wrong place; id, created and model of chunks */
	bool usage_told;
};

MUST_CHECK static inline bool repairer_wants(const struct repairer *repairer, enum repair repair)
{
	return (repairer->options.repairs & REPAIR_BIT(repair)) != 0;
}

static inline void repairer_note(struct repairer *repairer, enum repair repair)
{
	repairer->applied |= REPAIR_BIT(repair);
}

/* repair_call.c: the edits that a chunk's or a message's tool calls need. */
void repair_fragment(struct repairer *repairer, int64_t choice, const struct json *fragment,
                     struct edits *edits);
void repair_whole_call(struct repairer *repairer, const struct json *call, struct edits *edits);
void repair_finish(struct repairer *repairer, const struct json *choice, bool has_calls,
                   struct edits *edits);
MUST_CHECK bool repair_has_calls(const struct repairer *repairer, int64_t choice);
/* Appends fragments that give calls of that choice their missing arguments: an event each. */
void repair_missing_arguments(struct repairer *repairer, int64_t choice, struct edits *edits);
/* Before an event: nothing of it was seen. */
void repair_begin_event(struct repairer *repairer);

/* Appends `data: {head, rest}` as an event. */
void repairer_write_chunk(struct repairer *repairer, struct text rest);

#endif
