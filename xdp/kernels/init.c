/* The only process of a kernel that is tried: runs --check, says how it ended, and turns off. */
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(void)
{
	int status = -1;
	pid_t pid;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	pid = fork();
	if (pid == 0) {
		execl("/check", "/check", "--check", (char *)NULL);
		perror("/check");
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	printf("check: status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
