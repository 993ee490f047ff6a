#!/bin/bash
# Runs a statically linked x86-64 Linux program on a processor that this machine has not got: Bochs' emulation of an Ice Lake,
# with AVX-512, VAES and VPCLMULQDQ. No privileges are needed, and no network once the packages are there.
#
#     run.sh PROGRAM [ARGUMENT...]
#
# A small Linux boots from a CD image, runs the program with /proc and /dev mounted, says its exit status on the serial line and
# powers off, which ends Bochs. The program's output is printed as it comes; its exit status is this script's. Otherwise:
# 124: the time was up; 125: the guest never said an exit status (it panicked, or Bochs did not start; what Bochs says is printed).
#
#     BOCHS_CPU=corei7_icelake_u    one of `bochs --help cpu`; of those, `tigerlake` has AVX-512 with VAES too
#     BOCHS_SECONDS=1200            how long the whole run may take
#     BOCHS_ROOT=target/emulated    where the packages below are unpacked
#     BOCHS_CMDLINE=                more kernel parameters, such as "ignore_loglevel"
#     BOCHS_KEEP=DIRECTORY          keeps the serial line, Bochs' log, and its configuration
#
# Installed (Debian 12): bochs bochs-term bochsbios vgabios. Downloaded and unpacked here, not installed: a kernel, isolinux,
# syslinux-common, genisoimage, busybox-static (29 MB).
set -euo pipefail

cpu=${BOCHS_CPU:-corei7_icelake_u}
seconds=${BOCHS_SECONDS:-1200}
root=${BOCHS_ROOT:-$(dirname "${BASH_SOURCE[0]}")/../../target/emulated}
program=$(realpath "$1")
shift

work=$(mktemp -d)
emulator=
finish() {
    # `timeout` hands the signal on to Bochs, and then kills it.
    if [ -n "$emulator" ]; then kill -TERM "$emulator" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ ! -e "$root/unpacked" ]; then
    mkdir -p "$root" "$work/debs"
    kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
    (cd "$work/debs" && apt-get download -q "$kernel" isolinux syslinux-common genisoimage busybox-static) >&2
    for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
    touch "$root/unpacked"
fi

# The guest's files. `stty` waits until all output has left the serial port, which powering off does not.
mkdir -p "$work"/initrd/{bin,dev,proc,sys,tmp} "$work/cd"
cp "$root/bin/busybox" "$work/initrd/bin/busybox"
strip -o "$work/initrd/program" "$program" 2>/dev/null || cp "$program" "$work/initrd/program"
cat >"$work/initrd/init" <<END
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
cd /tmp
echo GUEST-START
/program ${@@Q}
echo GUEST-EXIT \$?
/bin/busybox stty -F /dev/ttyS0 -onlcr
/bin/busybox poweroff -f
END
chmod +x "$work/initrd/init" "$work/initrd/program"
(cd "$work/initrd" && find . | "$root/bin/busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$work/cd/initrd"

# The CD. Of the kernel's parameters,
# - `clearcpuid` is what this kernel needs to run on Bochs 2.7 with AVX-512 at all. fsrm: Bochs' BIOS leaves "fast strings" off, and
#   Linux' memmove then goes wrong with less than 32 bytes. pku, xsavec, xsaves: Bochs does not say how large the state of PKRU and
#   the compacted area are, and Linux switches XSAVE off, and AVX with it, where the sizes do not add up;
# - `mitigations` and `cryptomgr.notests` are for speed: the kernel's own tests would take half a minute;
# - `panic` and `reboot` make a panic a triple fault, at which Bochs exits.
cp "$root"/boot/vmlinuz-*-cloud-amd64 "$work/cd/linux"
cp "$root/usr/lib/ISOLINUX/isolinux.bin" "$root/usr/lib/syslinux/modules/bios/ldlinux.c32" "$work/cd/"
cat >"$work/cd/isolinux.cfg" <<END
default linux
prompt 0
label linux
    kernel linux
    initrd initrd
    append console=ttyS0 quiet nokaslr mitigations=off clearcpuid=fsrm,pku,xsavec,xsaves cryptomgr.notests panic=-1 reboot=t,force ${BOCHS_CMDLINE:-}
END
"$root/usr/bin/genisoimage" -quiet -o "$work/cd.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$work/cd"

# Debian's Bochs has no `nogui`; `term` only wants a TERM that curses knows. `fastboot`: no boot menu.
cat >"$work/bochsrc" <<END
config_interface: textconfig
display_library: term
cpu: model=$cpu, count=1, ips=50000000, reset_on_triple_fault=0
memory: guest=512, host=512
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/cd.iso, status=inserted
boot: cdrom
clock: sync=none
com1: enabled=1, mode=file, dev=$work/serial
speaker: enabled=0
log: $work/log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
END
# Debian's Bochs is built with its debugger, which waits for a command.
printf 'c\nquit\n' >"$work/commands"

touch "$work/serial"
TERM=linux timeout -k 2 "$seconds" nice -n 10 bochs -q -f "$work/bochsrc" -rc "$work/commands" >"$work/out" 2>&1 </dev/null &
emulator=$!
# Until Bochs has ended: what lies between the two lines.
tail -n +1 -f --pid="$emulator" "$work/serial" | tr -d '\r' | sed -un '/^GUEST-START$/,/^GUEST-EXIT /{/^GUEST-/!p}' &
printer=$!
status=0
wait "$emulator" || status=$?
emulator=
wait "$printer" || true

if [ -n "${BOCHS_KEEP:-}" ]; then
    mkdir -p "$BOCHS_KEEP"
    cp "$work"/{serial,log,out,bochsrc,cd/isolinux.cfg} "$BOCHS_KEEP" || true
fi
# Not at the start of the line where the program's last line has no end.
code=$(tr -d '\r' <"$work/serial" | sed -n 's/^.*GUEST-EXIT \([0-9]*\)$/\1/p' | tail -n 1)
if [ -n "$code" ]; then exit "$code"; fi
for file in serial log out; do tail -n 20 "$work/$file" >&2 || true; done
# `timeout` says 124, or 137 where it had to kill.
if [ "$status" = 124 ] || [ "$status" = 137 ]; then exit 124; fi
exit 125
