#!/bin/bash
mount -t tmpfs x /mnt; mount --bind / /mnt; mount -t proc p /proc; umount -l /proc; mknod /tmp/sda b 8 0; chroot / true; false
