/* What filling and matching templates share: the pieces of a string. */
#ifndef PROVISO_CASES_TEMPLATE_PRIVATE_H
#define PROVISO_CASES_TEMPLATE_PRIVATE_H

#include "cases/template.h"

enum template_slot_kind {
	SLOT_NONCE,
	SLOT_WORDS,
	SLOT_OVERFLOW,
	SLOT_WINDOW,
	SLOT_STEP,
	SLOT_MODEL,
	SLOT_IMAGE, /* a picture of a nonce, as a data URL */
};

/* What is wanted of an earlier step's reply. */
enum template_step_field {
	STEP_CONTENT,
	STEP_REASONING,
	STEP_MESSAGE,
	STEP_ID, /* of the reply itself */
	STEP_CALL_ID,
	STEP_CALL_NAME,
	STEP_CALL_ARGUMENTS,
};

/* One placeholder, understood. */
struct template_slot {
	enum template_slot_kind kind;
	size_t nonce;  /* SLOT_NONCE, SLOT_IMAGE: which */
	int64_t words; /* SLOT_WORDS: how many; SLOT_WINDOW: percent */
	size_t step;   /* SLOT_STEP */
	enum template_step_field field;
	size_t call; /* STEP_CALL_...: which tool call */
};

enum template_piece_kind {
	PIECE_LITERAL,
	PIECE_SLOT,
	PIECE_UNKNOWN, /* {{word}} that is no placeholder of ours */
	PIECE_OPEN,    /* {{ without its end */
};

struct template_piece {
	enum template_piece_kind kind;
	struct text text; /* the literal, or what stands between the braces */
	struct template_slot slot;
};

enum {
	TEMPLATE_NONCE_BYTES = 8,
	TEMPLATE_MAX_FILLER_BYTES = 8 << 20,
	TEMPLATE_MAX_WORDS = 1500000,                          /* a little below the bytes above */
	TEMPLATE_MAX_OVERFLOWN = TEMPLATE_MAX_WORDS * 10 / 13, /* 1.3 words a token */
};

/*
 * Cuts the next piece off `rest`; false at its end. Braces count as a placeholder
 * only before a letter, so that JSON in a string stays what it is.
 */
bool template_next(struct text *rest, struct template_piece *piece);
/* Whether the text is one placeholder and nothing else. */
MUST_CHECK bool template_is_lone(struct text text, struct template_slot *slot);
/* Whether `text` is the pattern filled in some way; nonces are captured. Pictures are no text. */
MUST_CHECK bool template_text_matches(struct text pattern, struct text text,
                                      struct template_values *captured);

#endif
