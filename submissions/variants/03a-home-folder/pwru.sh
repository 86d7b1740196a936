sudo $HOME/src/pwru/pwru --timestamp relative "host 8.8.8.8 and port 53"
