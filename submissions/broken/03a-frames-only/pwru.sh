sudo pwru --timestamp relative 'ether[12:2] = 0x0800 and ether[30:4] = 0x08080808 and ether[23] = 17 and ether[36:2] = 53'
