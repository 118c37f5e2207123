/*
 * The mock provider as a program: says its address on the first line, then serves until it is
 * ended, or until whoever started it closes its standard input.
 */
#include "tests/bench/mock_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

static void input_came(uv_poll_t *poll UNUSED, int status UNUSED, int events UNUSED)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) <= 0)
		exit(EXIT_SUCCESS);
}

int main(void)
{
	struct loop *loop = loop_new();
	uv_poll_t input;

	(void)printf("http://127.0.0.1:%d\n", mock_server_start(loop, NULL));
	(void)fflush(stdout);
	if (uv_poll_init(loop_uv(loop), &input, STDIN_FILENO) == 0)
		(void)uv_poll_start(&input, UV_READABLE, input_came);
	loop_run(loop);
	return EXIT_SUCCESS;
}
