/* What programs said of answers, by program and input; see grading.h. */
#include "cases/grading.h"

#include "cases/grade/grade.h"

struct grading_item {
	struct grading_item *next;
	const struct grade_command *command;
	struct text_buf input;
	struct grade_result result; /* once it was run */
	bool was_run;
};

bool grading_find(struct grading *grading, const struct grade_command *command, struct text input,
                  const struct grade_result **out)
{
	struct grading_item **link = &grading->first;

	for (; *link != NULL; link = &(*link)->next) {
		const struct grading_item *item = *link;
		if (item->command != command || !text_equal(text_buf_view(&item->input), input))
			continue;
		*out = &item->result;
		return item->was_run;
	}
	struct grading_item *fresh = memory_new(sizeof(*fresh));
	fresh->command = command;
	text_buf_init(&fresh->input, input.len);
	text_buf_add(&fresh->input, input);
	*link = fresh;
	return false;
}

bool grading_waits(const struct grading *grading)
{
	for (const struct grading_item *item = grading->first; item != NULL; item = item->next)
		if (!item->was_run)
			return true;
	return false;
}

void grading_run(struct grading *grading)
{
	for (struct grading_item *item = grading->first; item != NULL; item = item->next) {
		if (item->was_run)
			continue;
		grade_process(item->command, text_buf_view(&item->input), &grading->stopped,
		              &item->result);
		item->was_run = true;
	}
}

void grading_stop(struct grading *grading)
{
	atomic_store(&grading->stopped, true);
}

void grading_done(struct grading *grading)
{
	for (struct grading_item *item = grading->first, *next; item != NULL; item = next) {
		next = item->next;
		text_buf_done(&item->input);
		if (item->was_run)
			grade_result_done(&item->result);
		memory_free(item);
	}
	grading->first = NULL;
}
