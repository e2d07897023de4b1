"""Operations on boxes and images that every detector needs and none owns."""
