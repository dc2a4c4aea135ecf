// SPDX-License-Identifier: GPL-2.0
/*
 * tests/kmod/tm_testmod.c - writes from inside the kernel, for tests only.
 *
 * kernel_write() from a kernel thread is a change that no syscall hook sees, as nfsd, loop
 * and others make it. Loading the module does one write and unloading does nothing:
 *
 *	insmod tm_testmod.ko path=/mnt/root/f offset=100 text=hello
 *
 * The file must exist. insmod fails with the error of the write.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/string.h>

static char *path;
module_param(path, charp, 0);
MODULE_PARM_DESC(path, "file to write to");

static ulong offset;
module_param(offset, ulong, 0);
MODULE_PARM_DESC(offset, "where");

static char *text = "tidemark";
module_param(text, charp, 0);
MODULE_PARM_DESC(text, "what");

struct tm_job {
	struct file *file;
	ssize_t ret;
	struct completion done;
};

static int tm_writer(void *arg)
{
	struct tm_job *job = arg;
	loff_t pos = offset;

	job->ret = kernel_write(job->file, text, strlen(text), &pos);
	complete(&job->done);
	return 0;
}

static int __init tm_testmod_init(void)
{
	struct task_struct *task;
	struct tm_job job = {};

	if (!path)
		return -EINVAL;
	init_completion(&job.done);
	job.file = filp_open(path, O_WRONLY | O_LARGEFILE, 0);
	if (IS_ERR(job.file))
		return PTR_ERR(job.file);
	task = kthread_run(tm_writer, &job, "tm_testmod");
	if (IS_ERR(task)) {
		job.ret = PTR_ERR(task);
	} else {
		wait_for_completion(&job.done);
	}
	filp_close(job.file, NULL);
	return job.ret < 0 ? job.ret : 0;
}

static void __exit tm_testmod_exit(void)
{
}

module_init(tm_testmod_init);
module_exit(tm_testmod_exit);
MODULE_DESCRIPTION("tidemark: a write from a kernel thread, for tests");
MODULE_LICENSE("GPL");
