sudo pwru --timestamp relative
