sudo docker run --privileged --rm -it --pid=host -v /sys/kernel/debug:/sys/kernel/debug docker.io/cilium/pwru --timestamp relative 'dst host 8.8.8.8 and dst port 53'
