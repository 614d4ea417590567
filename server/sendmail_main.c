/* sendmail_main.c - postrider-sendmail: what programs know as /usr/sbin/sendmail. */
#include "../lib/base.h"
#include "sendmail.h"

int main(int argc, char **argv)
{
	return sendmail_main(argc, argv);
}
