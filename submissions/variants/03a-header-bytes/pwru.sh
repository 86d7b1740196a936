pwru --timestamp relative 'ip proto 17 && ip[16:4] == 0x08080808 && udp[2:2] = 53'
