package csvwatch
