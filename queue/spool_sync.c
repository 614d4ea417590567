/* spool_sync.c - whether fsync() of a new file brings its directory entry to disk too. POSIX leaves that open, so the
 * general answer is a second fsync(), of the directory. It costs a second flush of the disk's cache per message, even
 * when it finds its transaction committed (measured on ext4: as long as the first). ext3 and ext4 (one journal, and the inode
 * belongs to the transaction that made its name; without a journal the driver syncs the parent itself), XFS (one log, in
 * order) and Btrfs (new names are logged with the inode) keep the promise with the first call alone. */
#include "spool_internal.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* ext2's own driver has the same magic number as ext4, so the mount table has to say which one serves DEV. */
static bool mounted_as_ext4(dev_t dev)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
		const char *type = strstr(line, " - ");
		unsigned major_no, minor_no;

		if (type != NULL && sscanf(line, "%*d %*d %u:%u", &major_no, &minor_no) == 2 && makedev(major_no, minor_no) == dev)
			found = strncmp(type, " - ext4 ", 8) == 0 || strncmp(type, " - ext3 ", 8) == 0;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

bool spool_sync_names_file(int root)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(root, &fs) != 0 || fstat(root, &st) != 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case EXT4_SUPER_MAGIC:
		return mounted_as_ext4(st.st_dev);
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}
