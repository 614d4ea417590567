/* wrongname - a plugin whose file has another name. */
#include <postrider.h>

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "somebody",
};
