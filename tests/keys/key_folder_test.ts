import { assertEquals } from "@std/assert";
import { keyFolderFault, PROJECT_FOLDERS } from "../../src/keys/key_folder.ts";

const folders = { working: "/srv/house", project: "/opt/e2e-gateway/app" };

Deno.test("keyFolderFault() rejects system folders and home folders", () => {
  const system = ["/", "/etc", "/usr", "/usr/local/", "/home", "/root", "/tmp", "/var", "/var/lib", "/dev", "/srv/."];
  for (const folder of system) assertEquals(keyFolderFault(folder, folders), "is a system folder", folder);
  for (const folder of ["/home/anna", "/Users/anna/"]) {
    assertEquals(keyFolderFault(folder, folders), "is a home folder", folder);
  }
});

Deno.test("keyFolderFault() rejects the project folder, the working folder, and their parents", () => {
  const other = { ...folders, working: "/data/house/gateway" };
  for (
    const [folder, place] of [
      ["/opt/e2e-gateway/app", folders],
      ["/opt/e2e-gateway", folders],
      ["/opt/e2e-gateway/app/data/..", folders],
      ["/srv/house", folders],
      ["/srv/house/data/../../house/", folders],
      ["/data/house", other],
      ["/data", other],
    ] as const
  ) assertEquals(typeof keyFolderFault(folder, place), "string", folder);
});

Deno.test("keyFolderFault() rejects each folder of the project, and its subfolders", async () => {
  const project = new URL("../..", import.meta.url);
  const present = (await Array.fromAsync(Deno.readDir(project))).filter(({ isDirectory }) => isDirectory);
  const made = ["data", "dist", "coverage", "node_modules"];
  // Editors create folders that start with a dot.
  const names = present.map(({ name }) => name).filter((name) => !made.includes(name) && !/^\.(?!ci$)/.test(name));
  assertEquals(names.filter((name) => !PROJECT_FOLDERS.includes(name)), []);
  const app = { working: "/srv/house", project: "/opt/app" };
  for (const name of PROJECT_FOLDERS) {
    for (const path of [`/opt/app/${name}`, `/opt/app/${name}/a/b`]) {
      assertEquals(keyFolderFault(path, app), "holds files of the project", path);
    }
  }
});

Deno.test("keyFolderFault() accepts separate folders", () => {
  const own = ["/data", "/app/data", "/srv/house/data", "/opt/e2e-gateway/app/data", "/var/lib/e2e-gateway/data"];
  const further = ["/mnt/keys", "/etc/e2e-gateway", "/home/anna/gateway/data", "/tmp/x", "/srv/house2", "/run/secrets"];
  for (const folder of [...own, ...further]) assertEquals(keyFolderFault(folder, folders), undefined, folder);
});
