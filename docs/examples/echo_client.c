/* SPDX-License-Identifier: Apache-2.0 */
/* echo_client ADDRESS PORT TEXT...: sends all texts at once and prints what comes back. */
#include "example.h"

#include <errno.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct homa_recvmsg_args received = { .num_bpages = 0 };
	struct sockaddr_in server = { .sin_family = AF_INET };
	struct iovec iov[HOMA_MAX_BPAGES];
	int failed = 0;
	char *region;
	int fd;

	if (argc < 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
		fprintf(stderr, "usage: echo_client ADDRESS PORT TEXT...\n");
		return 2;
	}
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	fd = open_socket(&region);
	for (int i = 3; i < argc; i++) {
		/* The cookie tells later which request a response belongs to. */
		struct homa_sendmsg_args request = { .completion_cookie = (uint64_t)i };

		iov[0] = (struct iovec){ .iov_base = argv[i], .iov_len = strlen(argv[i]) };
		if (send_message(fd, &server, iov, 1, &request))
			die("sendmsg");
	}
	for (int i = 3; i < argc; i++) {
		ssize_t bytes = receive_message(fd, &server, &received);

		if (bytes < 0 && !received.id)
			die("recvmsg");
		if (bytes < 0) { /* that one RPC is over, the others go on */
			printf("%s: %s\n", argv[received.completion_cookie], strerror(errno));
			failed = 1;
			continue;
		}
		printf("%s: ", argv[received.completion_cookie]);
		for (size_t k = 0, n = pieces(region, &received, (size_t)bytes, iov); k < n; k++)
			fwrite(iov[k].iov_base, 1, iov[k].iov_len, stdout);
		printf("\n");
	}
	return failed;
}
