"""Headlines by chance: words of real posters, words that could be, random letters and numerals.

A fixed rule holds one word in twenty out of training, for evaluation.
"""

from __future__ import annotations

import hashlib
import random
from functools import cache

HELD_OUT_ONE_IN = 20
MIN_LETTERS = 2

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_VOWELS = "AEIOU"
_CONSONANTS = "BCDFGHJKLMNPRSTVWZ"
_TWO_WORDS = 0.4  # of the lines that are long enough for two
_MIN_TWO_WORDS = 7

_POSTER_WORDS = """
UP GO ON IT WE OK TV DJ XL
ART BAR BIG BUY CAR CUP DAY EAT EGG FAN FIT FLY FOR FUN GIG HOT ICE JAM JOY KEY KID LAW LOW MAP
MAX MEN MOB NEW NOW OFF ONE OPEN OUR OUT PAY PET POP PUB RAW RED RUN SEA SHE SKY SPA SUN TAX TEA
TEN TOP TOY TWO VIP WAR WEB WIN YES YOU ZEN ZOO
AUTO BABY BAKE BAND BEER BEST BIKE BLUE BOAT BODY BOOK CAFE CAKE CITY CLUB COLD COOK COOL DARK
DATE DEAL DISCO DOCK DOGS DRAW EAST EASY EXPO FACE FAIR FALL FARM FAST FILM FIRE FISH FOLK FOOD
FREE GAME GIFT GOLD GOOD GROW HALF HAND HARD HELP HERE HERO HIGH HOME HOPE HOUR IDEA INFO JAZZ
JOIN JULY JUNE KIDS KING LAKE LAST LIFE LIKE LIVE LOOK LOUD LOVE MADE MAIN MAKE MEAL MEET MENU
MILK MINI MODE MOON MORE MOVE NEON NEXT NICE NOTE OPERA PARK PARTY PEACE PICK PINK PLAN PLAY
PLUS POEM POOL PURE QUIZ RACE RAIN REAL RENT REST RICE RIDE RING RISE ROAD ROCK ROOF ROOM RUSH
SAFE SAIL SALE SALT SAVE SHIP SHOP SHOW SILK SING SLOW SNOW SOFT SOLD SONG SOUL SOUP STAR STAY
STOP SURF SWIM TALK TEAM TECH TIME TOUR TOWN TREE TRIP TRUE VINYL VOTE WALK WARM WAVE WEEK WEST
WILD WIND WINE WINTER WOOD WORK YEAR YOGA ZERO ZONE ZINE
ALBUM BEACH BLACK BLOOM BRAND BREAD BRUNCH CANDY CHAIR CHEER CHESS CHILD CLEAN CLIMB COAST COLOR
COMIC CRAFT CREAM DAILY DANCE DREAM DRINK EARTH EVENT EXTRA FESTA FINAL FIRST FLASH FRESH FRUIT
GIANT GLASS GRAND GREAT GREEN GUIDE HAPPY HEART HONEY HOTEL HOUSE JUICE LASER LIGHT LOCAL LUCKY
LUNCH MAGIC MARCH METAL MODEL MONEY MOUSE MOVIE MUSIC NIGHT NORTH NOVEL OCEAN OPEN ORGAN PAINT
PAPER PHONE PHOTO PIANO PIZZA PLANT POINT POWER PRICE PRINT PROUD QUEEN QUICK QUIET RADIO READY
RETRO RIVER ROBOT ROYAL SALAD SCALE SHARE SHINE SHOES SHORT SMART SMILE SOLAR SOUND SOUTH SPACE
SPEED SPORT STAGE START STEAM STONE STORE STORY STYLE SUGAR SUNNY SUPER SWEET TASTE THEME TODAY
TRAIN TREND TRUST UNITE URBAN VIDEO VOICE WATER WHITE WOMEN WORLD YOUNG YOUTH
ACTION ANIMAL AUTUMN BAKERY BALLET BEAUTY BICYCLE BRIDGE BRIGHT BUTTER CAMERA CAREER CASTLE
CHANCE CHEESE CHOICE CINEMA CIRCLE CIRCUS COFFEE COLLEGE CONCERT COTTON COURSE CREATE CULTURE
CYCLE DESIGN DINNER DIRECT DRAGON ENERGY ENGINE ESCAPE EXHIBIT FAMILY FASHION FESTIVAL FITNESS
FLOWER FOREST FREEDOM FUTURE GALLERY GARDEN GUITAR HARBOR HARVEST HEALTH HISTORY HOLIDAY ISLAND
JACKET JUNGLE KITCHEN LAUNCH LAUNDRY LEAGUE LEARN LEGEND LESSON LIBRARY MARKET MASTER MEMBER
MIRROR MODERN MONDAY MORNING MUSEUM NATURE NATURAL NETWORK NUMBER OFFICE ORANGE ORGANIC ORIGIN
PALACE PEOPLE PERFECT PICNIC PLANET PLAYER POETRY POPULAR POTTERY PREMIUM PUBLIC RECORD RECYCLE
REMIX RESCUE SAFARI SAMPLE SCHOOL SCIENCE SEASON SECRET SERIES SERVICE SILENT SILVER SOCCER
SOCIAL SPECIAL SPIRIT SPRING STREET STUDIO SUMMER SUNDAY SUNSET SUPPORT TALENT TEMPLE TENNIS
THEATRE THUNDER TICKET TRAVEL UNIQUE VALLEY VELVET VICTORY VILLAGE VINTAGE VISION WEDDING
WEEKEND WELCOME WINDOW WONDER WORKSHOP ADVENTURE ARTISANS BIRTHDAY BUSINESS CARNIVAL CHAMPION
CLEARANCE COMMUNITY DISCOVER DISCOUNT ELECTRIC EXCHANGE FAREWELL FIREWORK FOOTBALL GRADUATE
ILLUSION MARATHON MIDNIGHT MOUNTAIN OPENING ORCHESTRA PAINTING POWERFUL PREMIERE SATURDAY
SEASONAL SHOWCASE SWIMMING TOMORROW TOGETHER TREASURE VOLUNTEER
"""
VOCABULARY = tuple(_POSTER_WORDS.split())


def is_held_out(text: str) -> bool:
    """Whether training never shows this text: one of its words is reserved for evaluation."""
    return any(_is_reserved(word) for word in text.split())


def is_all_held_out(text: str) -> bool:
    return all(_is_reserved(word) for word in text.split())


def is_rare(*names: str) -> bool:
    """A fixed tenth of all combinations of names, which training never shows."""
    return _digest(" ".join(names)) % 10 == 0


def draw_text(
    chance: random.Random, letters: int, *, words: float, digits: float, unseen: bool = False
) -> str:
    """A line of `letters` characters: real words, numerals or invented ones by their shares.

    Training never gets a reserved word; `unseen` gives nothing else.
    """
    accepted = is_all_held_out if unseen else _is_free
    while True:
        text = _draw_line(chance, letters, words, digits)
        if accepted(text):
            return text


def _is_free(text: str) -> bool:
    return not is_held_out(text)


def _is_reserved(word: str) -> bool:
    return _digest(word) % HELD_OUT_ONE_IN == 0


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _draw_line(chance: random.Random, letters: int, words: float, digits: float) -> str:
    if letters >= _MIN_TWO_WORDS and chance.random() < _TWO_WORDS:
        first = chance.randint(MIN_LETTERS, letters - 1 - MIN_LETTERS)
        rest = letters - 1 - first
        return f"{_draw_word(chance, first, words, 0)} {_draw_word(chance, rest, words, digits)}"
    return _draw_word(chance, letters, words, digits)


def _draw_word(chance: random.Random, letters: int, words: float, digits: float) -> str:
    kind = chance.random()
    if kind < digits:
        return "".join(chance.choice(_DIGITS) for _ in range(letters))
    if kind < digits + words:
        known = _words_of(letters)
        # where the vocabulary has few words of this length, a few would stand for all
        if chance.random() * 12 < len(known):
            return chance.choice(known)
        return _pronounceable(chance, letters)
    return "".join(chance.choice(_LETTERS) for _ in range(letters))


@cache
def _words_of(letters: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in VOCABULARY if len(word) == letters))


def _pronounceable(chance: random.Random, letters: int) -> str:
    first = chance.randrange(2)
    kinds = (_CONSONANTS, _VOWELS)
    return "".join(chance.choice(kinds[(first + k) % 2]) for k in range(letters))
