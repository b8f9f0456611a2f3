"""Which chorale is in which split: that of Boulanger-Lewandowski, Bengio and Vincent (2012).

Their 382 chorales (229 to train, 76 for validation, 77 to test) were published as pitches without
names. `examples/split_chorales.py` matched them with the 409 chorales here, by the successions of
four chords that two pieces share, whatever the key, the repeats, and the length of fermatas:

* 376 of the 382 found their chorale (225, 74 and 77): 78 are the same throughout, half share more
  than 0.85 of their successions, and the least alike 0.24.
* 6 found none (4 of training, 2 of validation): they share at most 0.02 with any chorale here.
* 33 chorales here have no published counterpart. They are for training, but for four that are
  nearly the same as a test piece (112.5-sc as 112.5, 120.8-a as 137.5, 41.6 as 171.6, 69.6-a as
  12.7), which are for testing.

Two validation pieces are nearly the same as training pieces in the published split itself, which is
kept as it is: 280 as 176.6, and 414 as 253. No test piece is, by successions of chords. By melodic
turns and phrases of any voice (`musegen.corpus.duplicates`), which a hymn tune that was set twice
shares, 9 of the 81 test pieces are linked to a training piece; by those of sopranos alone, 46.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musegen.corpus.corpus import Split

MATCHED: dict[Split, str] = {
    "train": """
        1.6 101.7 104.6 108.6 113.8 116.6 119.9 120.6 122.6 123.6 124.6 125.6 128.5 135.6 139.6
        144.3 144.6 145.5 146.8 153.1 153.5 154.3 155.5 156.6 157.5 158.4 16.6 161.6 162.6-lpz 164.6
        165.6 166.6 176.6 177.4 178.7 18.5-lz 180.7 183.5 187.7 19.7 190.7-inst 194.12 194.6 195.6
        197.7-a 20.7 227.1 227.3 229.2 244.10 244.17 244.25 244.29-a 244.37 244.40 244.44 244.54
        244.62 245.11 245.15 245.22 245.26 245.28 245.3 245.40 248.12-2 248.28 248.33-3 248.35-3c
        248.5 250 251 252 253 254 255 257 259 26.6 260 262 263 265 266 267 271 272 273 274 277 278
        28.6 282 283 284 285 286 29.8 293 295 296 297 299 3.6 30.6 300 301 303 304 305 308 309 31.9
        312 313 320 321 322 325 33.6 330 332 333 334 335 336 337 342 343 344 345 346 348 349 352 353
        356 358 359 360 363 364 368 369 370 372 373 374 375 376 377 379 38.6 380 381 382 384 385 386
        387 388 389 39.7 390 392 394 395 396 397 399 4.8 40.3 40.6 401 402 403 406 407 409 412 413
        415 416 42.7 421 422 424 425 426 427 428 432 433 436 437 44.7 47.5 48.3 48.7 5.7 52.6 55.5
        59.3 6.6 64.2 64.8 65.2 66.6 67.4 69.6 70.7 72.6 73.5 74.8 80.8 81.7 83.5 84.5 86.6 89.6
        91.6 92.9 94.8 95.7 96.6
    """,
    "validation": """
        10.7 103.6 11.6 111.6 115.6 121.6 127.5 130.6 133.6 14.5 140.7 149.7 151.5 154.8 168.6 169.7
        17.7 177.5 179.6 188.6 197.10 2.6 226.2 244.46 245.17 248.59-6 25.6 258 261 264 268 269 27.6
        275 280 281 287 288 302 307 310 314 315 318 319 323 329 341 347 351 354 355 36.4-2 362 365
        367 383 391 400 408 411 414 417 418 420 434 435 438 70.11 77.6 79.3 79.6 8.6 88.7
    """,
    "test": """
        102.7 110.7 112.5 114.7 12.7 126.6 13.6 136.6 137.5 145-a 148.6 153.9 159.5 171.6 172.6
        174.5 184.5 185.6 197.5 244.3 245.14 245.37 245.5 248.17 248.46-5 248.53-5 256 270 276 289
        290 291 292 294 298 306 311 316 317 32.6 326 327 331 338 339 340 350 36.8-2 361 366 37.6 371
        393 40.8 404 405 410 419 429 43.11 430 431 45.7 56.5 57.8 60.5 64.4 65.7 67.7 7.7 78.7 85.6
        87.7 9.7 90.5 93.7 99.6
    """,
}
UNMATCHED: dict[Split, str] = {
    "train": """
        117.4 175.7 18.5-w 190.7 20.11 227.11 227.7 24.6 244.15 244.32 248.23-2 248.23-s 248.35-3
        248.42-4 248.42-s 248.64-6 248.64-s 248.9-1 248.9-s 279 324 328 357 378 398 423 46.6 62.6
        97.9
    """,
    "validation": "",
    "test": """
        112.5-sc 120.8-a 41.6 69.6-a
    """,
}

CHORALE_SPLIT: dict[str, Split] = {
    f"BWV {number}": split
    for table in (MATCHED, UNMATCHED)
    for split, numbers in table.items()
    for number in numbers.split()
}
"""The split of every chorale by name, such as "BWV 269"."""
