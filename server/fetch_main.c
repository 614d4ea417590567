/* fetch_main.c - postrider-fetch: one HTTP request in a process of its own, by libcurl, so that no process that handles mail has an
 * HTTP client, and what goes wrong in one takes nothing with it. For the server itself; nobody calls it by hand.
 *
 *   postrider-fetch URL CONTENT-TYPE
 *
 * Posts standard input and writes the body of the answer to standard output: exit status 0. Else 1, and on standard
 * output a sentence that says why. At most BODY_MAX octets, and TIME seconds. */
#include "../lib/base.h"
#include <curl/curl.h>
#include <signal.h>
#include <sys/prctl.h>

#define BODY_MAX 65536
#define TIME 20L

struct body { size_t len; char data[BODY_MAX]; };

static size_t take(char *data, size_t size, size_t count, void *arg)
{
	struct body *b = arg;
	size_t n = size * count;

	if (n > sizeof(b->data) - b->len)
		return 0;	/* fewer than there were: an error */
	memcpy(b->data + b->len, data, n);
	b->len += n;
	return n;
}

static bool read_request(struct body *b)
{
	size_t n;

	while ((n = fread(b->data + b->len, 1, sizeof(b->data) - b->len, stdin)) > 0)
		b->len += n;
	return !ferror(stdin) && feof(stdin);
}

static void set_up(CURL *c, const char *url, struct curl_slist *headers, const struct body *request, struct body *answer)
{
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, 3L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, TIME);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "postrider/" POSTRIDER_VERSION);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, request->data);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)request->len);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, answer);
}

int main(int argc, char **argv)
{
	static struct body request, answer;
	char type[128], why[CURL_ERROR_SIZE] = "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* nobody would read the answer */
	if (argc != 3) {
		printf("usage: postrider-fetch URL CONTENT-TYPE");
		return 1;
	}
	CURL *c = curl_easy_init();
	snprintf(type, sizeof(type), "Content-Type: %s", argv[2]);
	struct curl_slist *headers = curl_slist_append(NULL, type);
	if (!c || !headers || !read_request(&request)) {
		printf("the request cannot be read");
		return 1;
	}
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	set_up(c, argv[1], headers, &request, &answer);
	CURLcode code = curl_easy_perform(c);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	if (code != CURLE_OK) {
		printf("%s", *why ? why : curl_easy_strerror(code));
		return 1;
	}
	return fwrite(answer.data, 1, answer.len, stdout) == answer.len && fflush(stdout) == 0 ? 0 : 1;
}
