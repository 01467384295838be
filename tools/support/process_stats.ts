/** Resource use of a process, read from /proc. */

/** Unit of CPU times in /proc, in milliseconds: the same for all kernels. */
const TICK_MS = 10;

const KILOBYTE = 1024;

/** Returns the CPU time of all threads since the start, in milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name in brackets may contain spaces and brackets; the numbers follow the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Returns the resident memory, in bytes. */
export async function rssBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`Process has no memory: ${pid}`);
  return Number(kilobytes) * KILOBYTE;
}

/** Returns the number of open files, sockets and pipes. */
export async function openDescriptors(pid: number): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count += 1;
  return count;
}
