/* wrongabi - a plugin that was built for another version of the interface. */
#include <postrider.h>

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI + 1,
	.name = "wrongabi",
};
