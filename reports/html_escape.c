/* The one way for text into a page. */
#include "reports/html.h"

static void add_visible(struct text_buf *out, struct text text)
{
	struct text_buf visible;

	text_buf_init(&visible, REPORT_MAX_BYTES);
	text_buf_add_visible(&visible, text);
	struct text view = text_buf_view(&visible);
	size_t plain = 0; /* start of the run that needs no escape */
	for (size_t i = 0; i < view.len; i++) {
		const char *entity = NULL;
		if (view.data[i] == '<')
			entity = "&lt;";
		else if (view.data[i] == '>')
			entity = "&gt;";
		else if (view.data[i] == '&')
			entity = "&amp;";
		else if (view.data[i] == '"')
			entity = "&quot;";
		else if (view.data[i] == '\'')
			entity = "&#39;";
		if (entity == NULL)
			continue;
		(void)text_buf_add(out, text_slice(view, plain, i));
		(void)text_buf_add_c(out, entity);
		plain = i + 1;
	}
	(void)text_buf_add(out, text_slice(view, plain, view.len));
	text_buf_done(&visible);
}

void html_add_text(struct text_buf *out, struct text text)
{
	if (text.len != 0)
		add_visible(out, text);
}

void html_add_block(struct text_buf *out, struct text text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '\n' && text.data[i] != '\t')
			continue;
		html_add_text(out, text_slice(text, from, i));
		(void)text_buf_byte(out, text.data[i]);
		from = i + 1;
	}
	html_add_text(out, text_slice(text, from, text.len));
}
