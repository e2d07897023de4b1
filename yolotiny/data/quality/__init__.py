"""What a data set is made of and what is wrong with it, before anybody trains on it; nothing is changed."""
