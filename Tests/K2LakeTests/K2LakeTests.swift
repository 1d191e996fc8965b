// K2LakeTests
