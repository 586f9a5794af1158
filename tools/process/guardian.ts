import { spawn } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * What stays behind a process that is killed by force: a shell of a megabyte in
 * a session of its own that holds one end of a pipe. When the pipe ends without
 * a farewell it ends what the killed one ran, in order, and removes its files.
 *
 * Lines it hears: `first <pid…>` and `then <pid…>` replace the lists of what is
 * ended first (SIGTERM) and after that (SIGINT: for Postgres a fast shutdown),
 * `unlink <file>` adds what is removed before, `remove <path>` what is removed
 * after everything has ended, `bye` ends it with nothing done.
 */
const SCRIPT = `
trap '' HUP INT TERM
first= then= unlink=
set --
while read -r verb rest; do
  case $verb in
    first) first=$rest ;;
    then) then=$rest ;;
    unlink) unlink=$rest ;;
    remove) set -- "$@" "$rest" ;;
    bye) exit 0 ;;
  esac
done
end() {
  signal=$1 tenths=$2
  shift 2
  [ $# -eq 0 ] && return
  kill -s "$signal" "$@" 2>/dev/null
  while [ "$tenths" -gt 0 ]; do
    alive=
    for pid in "$@"; do kill -s 0 "$pid" 2>/dev/null && alive=yes; done
    [ -z "$alive" ] && return
    sleep 0.1
    tenths=$((tenths - 1))
  done
  kill -s KILL "$@" 2>/dev/null
}
[ -z "$unlink" ] || rm -f -- "$unlink"
end TERM 50 $first
end INT 80 $then
[ $# -eq 0 ] || rm -rf -- "$@"
`

export type Guardian = {
  readonly pid: number | undefined
  /** Replaces what it knows: pids of what is ended first, and of the servers that are ended after that. */
  guard(first: number[], then: number[]): void
  /** A file that is no longer true once this process is gone: removed first. The last one named counts. */
  unlink(path: string): void
  /** A path that is removed when everything has ended. */
  remove(path: string): void
  /** Ends it; to be called when everything is stopped. */
  dismiss(): void
}

/** Starts one. It ends by itself with this process; nothing waits for it. */
export function startGuardian(): Guardian {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'mooring-guardian'], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  // A pipe of a child process is a socket, whose type says only that it can be written.
  if (child.stdin instanceof Socket) child.stdin.unref()
  return {
    pid: child.pid,
    guard: (first, then) => void child.stdin.write(`first ${first.join(' ')}\nthen ${then.join(' ')}\n`),
    unlink: (path) => void child.stdin.write(`unlink ${checkedPath(path)}\n`),
    remove: (path) => void child.stdin.write(`remove ${checkedPath(path)}\n`),
    dismiss: () => void child.stdin.end('bye\n'),
  }
}

function checkedPath(path: string): string {
  if (!path.startsWith('/') || path.includes('\n')) throw new Error(`not a path to remove: ${JSON.stringify(path)}`)
  return path
}
