sudo pwru --timestamp relative 'src host 8.8.8.8 and src port 53'
