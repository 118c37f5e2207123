/* Drawing and reading pictures of words; see picture.h. zlib packs the pixels. */
#include "cases/picture.h"

#include "harness/base/base64.h"

#include <zlib.h>

enum {
	GLYPH_COLUMNS = 5,
	GLYPH_ROWS = 9,
	CELL_COLUMNS = GLYPH_COLUMNS + 1,
	MARGIN = 2, /* dots on each side */
	DOT = 8,    /* pixels of a dot, across and down */
	HEIGHT = (GLYPH_ROWS + 2 * MARGIN) * DOT,
	INK = 0,
	PAPER = 255,
	CHUNK_OVERHEAD = 12, /* length, name, checksum */
	HEADER_BYTES = 13,   /* of IHDR */
};

#define URL_PREFIX "data:image/png;base64,"
#define SIGNATURE "\x89PNG\r\n\x1a\n"

/* A row of dots each byte, the left one in bit 4. */
static const struct {
	char letter;
	unsigned char rows[GLYPH_ROWS];
} glyphs[] = {
    {'2', {0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f, 0x00, 0x00}},
    {'3', {0x1e, 0x01, 0x01, 0x0e, 0x01, 0x01, 0x1e, 0x00, 0x00}},
    {'4', {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02, 0x00, 0x00}},
    {'5', {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e, 0x00, 0x00}},
    {'6', {0x0e, 0x10, 0x10, 0x1e, 0x11, 0x11, 0x0e, 0x00, 0x00}},
    {'7', {0x1f, 0x01, 0x02, 0x04, 0x04, 0x08, 0x08, 0x00, 0x00}},
    {'8', {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e, 0x00, 0x00}},
    {'9', {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x01, 0x0e, 0x00, 0x00}},
    {'a', {0x00, 0x00, 0x0e, 0x01, 0x0f, 0x11, 0x0f, 0x00, 0x00}},
    {'b', {0x10, 0x10, 0x1e, 0x11, 0x11, 0x11, 0x1e, 0x00, 0x00}},
    {'c', {0x00, 0x00, 0x0e, 0x10, 0x10, 0x10, 0x0e, 0x00, 0x00}},
    {'d', {0x01, 0x01, 0x0f, 0x11, 0x11, 0x11, 0x0f, 0x00, 0x00}},
    {'e', {0x00, 0x00, 0x0e, 0x11, 0x1f, 0x10, 0x0e, 0x00, 0x00}},
    {'f', {0x06, 0x08, 0x1e, 0x08, 0x08, 0x08, 0x08, 0x00, 0x00}},
    {'g', {0x00, 0x00, 0x0f, 0x11, 0x11, 0x11, 0x0f, 0x01, 0x0e}},
    {'h', {0x10, 0x10, 0x1e, 0x11, 0x11, 0x11, 0x11, 0x00, 0x00}},
    {'i', {0x04, 0x00, 0x0c, 0x04, 0x04, 0x04, 0x0e, 0x00, 0x00}},
    {'j', {0x02, 0x00, 0x06, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0c}},
    {'k', {0x10, 0x10, 0x12, 0x14, 0x18, 0x14, 0x12, 0x00, 0x00}},
    {'m', {0x00, 0x00, 0x1a, 0x15, 0x15, 0x15, 0x15, 0x00, 0x00}},
    {'n', {0x00, 0x00, 0x1e, 0x11, 0x11, 0x11, 0x11, 0x00, 0x00}},
    {'p', {0x00, 0x00, 0x1e, 0x11, 0x11, 0x11, 0x1e, 0x10, 0x10}},
    {'r', {0x00, 0x00, 0x16, 0x19, 0x10, 0x10, 0x10, 0x00, 0x00}},
    {'t', {0x08, 0x08, 0x1e, 0x08, 0x08, 0x09, 0x06, 0x00, 0x00}},
    {'u', {0x00, 0x00, 0x11, 0x11, 0x11, 0x11, 0x0f, 0x00, 0x00}},
    {'v', {0x00, 0x00, 0x11, 0x11, 0x11, 0x0a, 0x04, 0x00, 0x00}},
    {'w', {0x00, 0x00, 0x11, 0x11, 0x15, 0x15, 0x0a, 0x00, 0x00}},
    {'z', {0x00, 0x00, 0x1f, 0x02, 0x04, 0x08, 0x1f, 0x00, 0x00}},
};

static const unsigned char *rows_of(char letter)
{
	for (size_t i = 0; i < ARRAY_LENGTH(glyphs); i++)
		if (glyphs[i].letter == letter)
			return glyphs[i].rows;
	return NULL;
}

static size_t width_of(size_t letters)
{
	return (letters * CELL_COLUMNS + 2 * MARGIN) * DOT;
}

/* --- drawing --- */

/* Lines of pixels, each behind the number of its filter: 0, none. */
static unsigned char *draw(struct arena *arena, struct text word, size_t *size)
{
	size_t line = width_of(word.len) + 1;
	unsigned char *pixels = arena_alloc(arena, line * HEIGHT);

	*size = line * HEIGHT;
	memset(pixels, PAPER, *size);
	for (size_t y = 0; y < HEIGHT; y++)
		pixels[y * line] = 0;
	for (size_t at = 0; at < word.len * CELL_COLUMNS * GLYPH_ROWS; at++) {
		size_t column = at % CELL_COLUMNS, row = at / CELL_COLUMNS % GLYPH_ROWS;
		size_t letter = at / (CELL_COLUMNS * GLYPH_ROWS);
		const unsigned char *rows = rows_of(word.data[letter]);
		if (rows == NULL || column == GLYPH_COLUMNS ||
		    (rows[row] >> (GLYPH_COLUMNS - 1 - column) & 1) == 0)
			continue;
		size_t x = (MARGIN + letter * CELL_COLUMNS + column) * DOT + 1;
		for (size_t y = (MARGIN + row) * DOT; y < (MARGIN + row + 1) * DOT; y++)
			memset(&pixels[y * line + x], INK, DOT);
	}
	return pixels;
}

static void add_number(struct text_buf *out, size_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		(void)text_buf_byte(out, (char)(unsigned char)(number >> shift & 0xff));
}

static void add_chunk(struct text_buf *out, const char *name, const void *data, size_t size)
{
	uLong sum = crc32(0, (const Bytef *)name, 4);

	if (size > 0)
		sum = crc32(sum, data, (uInt)size);
	add_number(out, size);
	(void)text_buf_add_c(out, name);
	(void)text_buf_add(out, (struct text){data, size});
	add_number(out, sum);
}

static void add_header(struct text_buf *out, size_t width)
{
	/* Width and height, then: 8 bits of grey, packed and filtered as usual, not interlaced. */
	unsigned char header[HEADER_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0};

	header[2] = (unsigned char)(width >> 8 & 0xff);
	header[3] = (unsigned char)(width & 0xff);
	header[7] = HEIGHT;
	add_chunk(out, "IHDR", header, sizeof(header));
}

struct text picture_url(struct arena *arena, struct text word)
{
	struct text_buf png;
	size_t size;

	word = text_slice(word, 0, PICTURE_MAX_LETTERS);
	const unsigned char *pixels = draw(arena, word, &size);
	uLongf packed_size = compressBound(size);
	unsigned char *packed = arena_alloc(arena, packed_size);
	int result = compress2(packed, &packed_size, pixels, size, Z_BEST_COMPRESSION);
	REQUIRE(result == Z_OK); /* the room was asked for */
	text_buf_init(&png, PICTURE_MAX_BYTES);
	(void)text_buf_add_c(&png, SIGNATURE);
	add_header(&png, width_of(word.len));
	add_chunk(&png, "IDAT", packed, packed_size);
	add_chunk(&png, "IEND", NULL, 0);
	struct text coded = base64_encode(arena, text_buf_view(&png));
	struct text url = text_format(arena, URL_PREFIX "%.*s", TEXT_ARG(coded));
	text_buf_done(&png);
	return url;
}

/* --- reading --- */

static size_t number_at(struct text bytes, size_t at)
{
	size_t number = 0;

	for (size_t i = at; i < at + 4; i++)
		number = number << 8 | (unsigned char)bytes.data[i];
	return number;
}

/* The data of a chunk of that name at *at, which then stands behind it. */
static bool take_chunk(struct text png, size_t *at, const char *name, struct text *data)
{
	if (png.len < CHUNK_OVERHEAD || *at > png.len - CHUNK_OVERHEAD)
		return false;
	size_t size = number_at(png, *at);
	if (size > png.len - CHUNK_OVERHEAD - *at ||
	    !text_is(text_slice(png, *at + 4, *at + 8), name))
		return false;
	*data = text_slice(png, *at + 8, *at + 8 + size);
	*at += CHUNK_OVERHEAD + size;
	return true;
}

/* The letters that a width holds; 0: it is no width of ours. */
static size_t letters_of(size_t width)
{
	for (size_t letters = 1; letters <= PICTURE_MAX_LETTERS; letters++)
		if (width_of(letters) == width)
			return letters;
	return 0;
}

static char letter_at(const unsigned char *pixels, size_t line, size_t letter)
{
	unsigned char rows[GLYPH_ROWS] = {0};

	for (size_t at = 0; at < (size_t)GLYPH_COLUMNS * GLYPH_ROWS; at++) {
		size_t column = at % GLYPH_COLUMNS, row = at / GLYPH_COLUMNS;
		size_t x = (MARGIN + letter * CELL_COLUMNS + column) * DOT + DOT / 2 + 1;
		bool ink = pixels[((MARGIN + row) * DOT + DOT / 2) * line + x] != PAPER;
		rows[row] = (unsigned char)(rows[row] << 1 | ink);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(glyphs); i++)
		if (memcmp(glyphs[i].rows, rows, sizeof(rows)) == 0)
			return glyphs[i].letter;
	return '\0';
}

static bool read_letters(struct text packed, size_t letters, struct arena *arena, struct text *word)
{
	size_t line = width_of(letters) + 1;
	uLongf size = line * HEIGHT;
	unsigned char *pixels = arena_alloc(arena, size);
	char *bytes = arena_alloc_bytes(arena, letters);

	if (uncompress(pixels, &size, (const Bytef *)packed.data, packed.len) != Z_OK ||
	    size != line * HEIGHT)
		return false;
	for (size_t i = 0; i < letters; i++) {
		bytes[i] = letter_at(pixels, line, i);
		if (bytes[i] == '\0')
			return false;
	}
	*word = (struct text){bytes, letters};
	return true;
}

bool picture_read(struct text url, struct arena *arena, struct text *word)
{
	size_t at = sizeof(SIGNATURE) - 1;
	struct text png, header, packed;

	if (url.len > PICTURE_MAX_BYTES || !text_starts(url, TEXT(URL_PREFIX)) ||
	    !base64_decode(text_slice(url, sizeof(URL_PREFIX) - 1, url.len), arena, &png) ||
	    !text_starts(png, TEXT(SIGNATURE)) || !take_chunk(png, &at, "IHDR", &header) ||
	    header.len != HEADER_BYTES || !take_chunk(png, &at, "IDAT", &packed))
		return false;
	size_t letters = letters_of(number_at(header, 0));
	return letters > 0 && number_at(header, 4) == HEIGHT &&
	       read_letters(packed, letters, arena, word);
}
