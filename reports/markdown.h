/* Text from outside inside Markdown: the one escaping function for it. */
#ifndef PROVISO_REPORTS_MARKDOWN_H
#define PROVISO_REPORTS_MARKDOWN_H

#include "harness/base/text.h"

/*
 * Safe inside a table cell: a pipe, a backtick, an angle bracket or an @mention would be read as
 * markup; line breaks would end the row.
 */
void markdown_add(struct text_buf *out, struct text text);

#endif
