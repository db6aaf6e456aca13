/* SPDX-License-Identifier: Apache-2.0 */
/* echo_server PORT: answers every request with its own bytes. */
#include "example.h"

#include <errno.h>

int main(int argc, char **argv)
{
	struct homa_recvmsg_args received = { .num_bpages = 0 };
	struct sockaddr_in here = { .sin_family = AF_INET }, client;
	struct iovec iov[HOMA_MAX_BPAGES];
	int port = argc == 2 ? atoi(argv[1]) : 0;
	char *region;
	int fd;

	if (port < 1 || port >= HOMA_MIN_DEFAULT_PORT) {
		fprintf(stderr, "usage: echo_server PORT (1 to %d)\n", HOMA_MIN_DEFAULT_PORT - 1);
		return 2;
	}
	fd = open_socket(&region);
	here.sin_port = htons((uint16_t)port);
	if (bind(fd, (struct sockaddr *)&here, sizeof(here))) /* from now on it serves */
		die("bind");
	printf("READY\n");
	fflush(stdout);
	for (;;) {
		ssize_t bytes = receive_message(fd, &client, &received);
		struct homa_sendmsg_args reply = { .id = received.id };

		if (bytes < 0) {
			if (errno == EINTR)
				continue;
			die("recvmsg");
		}
		/* The kernel copies the reply, so that the bpages can go back afterwards. */
		if (send_message(fd, &client, iov, pieces(region, &received, (size_t)bytes, iov),
				 &reply))
			perror("sendmsg");
	}
}
