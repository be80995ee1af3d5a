package csvfiles
