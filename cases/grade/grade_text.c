/* Finding the answer in what a model wrote: code, the last line, JSON, a number. */
#include "cases/grade/grade.h"

struct text grade_last_line(struct text answer)
{
	struct text rest = answer, line, last = TEXT("");

	while (text_next_field(&rest, '\n', &line))
		if (text_trim(line).len > 0)
			last = text_trim(line);
	return last;
}

static bool is_fence(struct text line)
{
	return text_starts(text_trim(line), TEXT("```"));
}

struct text grade_code(struct text answer)
{
	struct text rest = answer, line, found = answer;
	const char *begin = NULL;

	while (text_next_field(&rest, '\n', &line)) {
		if (!is_fence(line))
			continue;
		if (begin == NULL) {
			begin = line.data + line.len + (rest.data == NULL ? 0 : 1);
		} else {
			found = (struct text){begin, (size_t)(line.data - begin)};
			begin = NULL;
		}
	}
	return found;
}

const struct json *grade_json(struct text answer, struct arena *arena)
{
	struct json *root;
	struct fault fault;

	if (json_read_text(text_trim(answer), "answer", arena, &root, &fault) ||
	    json_read_text(text_trim(grade_code(answer)), "answer", arena, &root, &fault))
		return root;
	return NULL;
}

/* --- numbers --- */

static bool is_digit(struct text text, size_t at)
{
	return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

static bool is_word(struct text text, size_t at)
{
	unsigned char byte = at < text.len ? (unsigned char)text.data[at] : ' ';

	return byte == '_' || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Past the digits at `at`, commas between thousands among them. */
static size_t skip_digits(struct text text, size_t at, bool commas)
{
	while (is_digit(text, at) ||
	       (commas && at < text.len && text.data[at] == ',' && is_digit(text, at + 1) &&
	        is_digit(text, at + 2) && is_digit(text, at + 3) && !is_digit(text, at + 4)))
		at++;
	return at;
}

/* Past a number whose first digit is at `at`. */
static size_t skip_number(struct text text, size_t at)
{
	at = skip_digits(text, at, true);
	if (at < text.len && text.data[at] == '.' && is_digit(text, at + 1))
		at = skip_digits(text, at + 1, false);
	if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
		size_t digits = at + 1;
		if (digits < text.len && (text.data[digits] == '-' || text.data[digits] == '+'))
			digits++;
		if (is_digit(text, digits))
			at = skip_digits(text, digits, false);
	}
	return at;
}

/* A minus, typed or as the sign itself, that does not join two words or numbers. */
static bool is_negative(struct text text, size_t at)
{
	size_t sign = text_ends(text_slice(text, 0, at), TEXT("-"))              ? 1
	              : text_ends(text_slice(text, 0, at), TEXT("\xe2\x88\x92")) ? 3
	                                                                         : 0;

	return sign > 0 &&
	       (at == sign || !(is_word(text, at - sign - 1) || is_digit(text, at - sign - 1)));
}

static bool read_number(struct text text, size_t at, size_t end, double *out)
{
	enum { NUMBER_MAX_BYTES = 64 };
	char digits[NUMBER_MAX_BYTES];
	size_t count = 0;

	if (end - at >= NUMBER_MAX_BYTES)
		return false;
	/* JSON has no leading zeros, and people write 007. */
	while (text.data[at] == '0' && is_digit(text, at + 1) && at + 1 < end)
		at++;
	for (size_t i = at; i < end; i++)
		if (text.data[i] != ',')
			digits[count++] = text.data[i];
	return text_to_double((struct text){digits, count}, out);
}

/* The first or the last number in [from, end of text). */
static bool find_number(struct text text, size_t from, bool first, double *out)
{
	bool found = false;
	double value;

	for (size_t at = from, end; at < text.len; at = end) {
		end = at + 1;
		if (!is_digit(text, at))
			continue;
		end = skip_number(text, at);
		if (at > 0 && is_word(text, at - 1))
			continue;
		if (!read_number(text, at, end, &value))
			continue;
		*out = is_negative(text, at) ? -value : value;
		found = true;
		if (first)
			break;
	}
	return found;
}

/* Behind the last word "answer", or SIZE_MAX. */
static size_t behind_answer(struct text text)
{
	static const struct text word = TEXT_INIT("answer");
	size_t behind = SIZE_MAX;

	for (size_t at = 0; at + word.len <= text.len; at++)
		if ((text.data[at] == 'a' || text.data[at] == 'A') &&
		    text_equal_ignoring_case(text_slice(text, at, at + word.len), word))
			behind = at + word.len;
	return behind;
}

bool grade_number(struct text answer, double *out)
{
	size_t behind = behind_answer(answer);

	return (behind != SIZE_MAX && find_number(answer, behind, true, out)) ||
	       find_number(answer, 0, false, out);
}
