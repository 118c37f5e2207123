/* What reading and writing a matrix share; nobody else includes this. */
#ifndef PROVISO_RUN_MATRIX_PRIVATE_H
#define PROVISO_RUN_MATRIX_PRIVATE_H

#include "harness/run/matrix/matrix.h"

enum { MATRIX_VERSION = 1 };

/* One cell; its texts are views into the node's source or the arena. */
MUST_CHECK bool matrix_read_cell(const struct json *node, struct arena *arena,
                                 struct matrix_cell *cell, struct fault_list *faults);
/* A whole document. */
MUST_CHECK bool matrix_read_root(const struct json *root, struct arena *arena, struct matrix *out,
                                 struct fault_list *faults);
/* Sorts; a cell that stands there twice, or NULL. */
MUST_CHECK const struct matrix_cell *matrix_sort_strictly(struct matrix *matrix);

/*
 * matrix_lines.c. False where the file is not just as we write it: then it is read as a whole,
 * which also finds the words for what is wrong.
 */
MUST_CHECK bool matrix_read_lines(const struct source *source, struct arena *arena,
                                  struct matrix *out, struct fault_list *faults);

#endif
