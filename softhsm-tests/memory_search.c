/* memory_search PID TEXT [FILE]: says how often TEXT is in the memory of a process, leaving out
 * what is mapped from FILE. Exit code 0 if it is there, 1 if not, 2 if one may not look. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AREA_MAX = 256 << 20 };

static size_t count(const char *area, size_t n, const char *text)
{
	const size_t len = strlen(text);
	size_t found = 0;

	for (const char *p = area; (p = memmem(p, n - (size_t)(p - area), text, len)); p += len)
		found++;
	return found;
}

/* Areas that cannot be read (those of the kernel) have nothing of the process in them. */
static size_t search(int mem, unsigned long from, unsigned long to, const char *text)
{
	const size_t n = to - from;
	char *area = n <= AREA_MAX ? malloc(n) : NULL;
	ssize_t got = area ? pread(mem, area, n, (off_t)from) : -1;
	const size_t found = got > 0 ? count(area, (size_t)got, text) : 0;

	free(area);
	return found;
}

int main(int argc, char **argv)
{
	char path[64], line[1024], rights[8];
	unsigned long from, to;
	size_t found = 0, areas = 0;
	FILE *maps;
	int mem;

	if (argc < 3 || argc > 4)
		return 2;
	snprintf(path, sizeof(path), "/proc/%.20s/maps", argv[1]);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%.20s/mem", argv[1]);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (!maps || mem < 0)
		return 2;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || *rights != 'r' ||
		    (argc == 4 && strstr(line, argv[3])))
			continue;
		found += search(mem, from, to, argv[2]);
		areas++;
	}
	fclose(maps);
	close(mem);
	printf("%zu\n", found);
	return !areas ? 2 : found ? 0 : 1;
}
