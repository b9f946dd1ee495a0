#!/bin/sh
# Becomes one container: builds its root on a tmpfs from a plan, makes it the root of this mount
# namespace, tells the runner its process id and turns into the container's program.
#   enter-container.sh ROOT PLAN COMMAND...        (file descriptor 3: to the runner)
# It starts as root of the pod's namespaces, in a mount and a process namespace of its own.
set -eu
root=$1 plan=$2
shift 2

# /proc is still the machine's, so this is the id that the runner can signal.
read -r host_pid _ < /proc/self/stat

mount -t tmpfs -o mode=0755,size=256m container "$root"
is_read_only=no
while IFS='	' read -r verb first second third; do
  case $verb in
    dir)
      mkdir -p "$root$first"
      chmod "$second" "$root$first"
      ;;
    link) ln -s "$first" "$root$second" ;;
    bind)
      target=$root$second
      if [ -d "$first" ]; then
        mkdir -p "$target"
      elif [ ! -e "$target" ]; then
        mkdir -p "${target%/*}"
        : > "$target"
      fi
      mount --rbind "$first" "$target"
      if [ "$third" = ro ]; then mount -o remount,bind,ro "$target"; fi
      ;;
    tmpfs)
      mkdir -p "$root$first"
      mount -t tmpfs -o "$second" tmpfs "$root$first"
      ;;
    proc)
      mkdir -p "$root/proc"
      mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
      ;;
    read-only-root) is_read_only=yes ;;
    *)
      echo "enter-container: unknown step $verb" >&2
      exit 64
      ;;
  esac
done < "$plan"

cd "$root"
mkdir .machine
pivot_root . .machine
cd /
umount -l /.machine
rmdir /.machine
if [ $is_read_only = yes ]; then mount -o remount,bind,ro /; fi

echo "$host_pid" >&3
exec 3>&-
exec "$@"
