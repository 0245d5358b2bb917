inline int one = 1;
