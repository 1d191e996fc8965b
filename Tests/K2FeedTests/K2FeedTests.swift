// K2FeedTests
