/** What a process has used so far, as Linux tells it in /proc. */

/** Linux counts CPU time in these for every program, whatever the kernel was built with, in milliseconds. */
const TICK_MS = 10;

const KILOBYTE = 1024;

/** CPU time of all threads since the start, in milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name in brackets may hold spaces and brackets; the numbers begin behind the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory, in bytes. */
export async function rssBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`Process has no memory: ${pid}`);
  return Number(kilobytes) * KILOBYTE;
}

/** How many files, sockets and pipes are open. */
export async function openDescriptors(pid: number): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count += 1;
  return count;
}
