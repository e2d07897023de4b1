"""Operations on boxes and maps that several rooms share; no room's story."""
