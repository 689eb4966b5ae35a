"""What people say for the things on a poster when nobody gives them a form: words in two languages.

Tables alone. Every word here is a token of its own; topics are not here, they stay letters.
"""

from __future__ import annotations

Names = dict[str, tuple[str, ...]]

OPENERS = (
    "make", "create", "design", "draw", "please make", "i want", "i need", "can you make",
    "give me", "generate", "make me", "i would like", "please create", "we need", "show me",
    "please draw",
)  # fmt: skip
STYLES = (
    "minimalist", "minimal", "modern", "vintage", "retro", "simple", "clean", "elegant", "bold",
    "cool", "nice", "beautiful", "colourful", "colorful", "fun", "flat", "stylish", "classic",
    "geometric", "abstract", "playful", "creative", "new", "professional",
)  # fmt: skip
NOUNS = ("poster", "flyer", "banner", "sign", "card", "page", "invitation", "design", "ad")
NOUN_WEIGHTS = (12, 2, 1, 1, 1, 1, 1, 1, 1)
FOR_TOPIC = (" for a {}", " for {}", " for the {}", " about {}", " for my {}", " for our {}")
ENDINGS = (
    "flat design", "clean and simple", "simple style", "high quality", "bold design", "thanks",
    "modern style", "very simple", "nothing else", "no other text", "minimal style", "please",
)  # fmt: skip

ON_PAGE = (" on {}", " with a {} background", " on a {} background", " in {} colour")
PAGE = (
    "{} background", "{} page", "background: {}", "background {}", "the background is {}",
    "on a {} background", "page: {}", "the page is {}", "with {} background", "make the page {}",
)  # fmt: skip
THAT_SAYS = (
    " that says {}", " saying {}", " with the words {}", " with the text {}", " with the title {}",
    " titled {}", " with {}", " with the word {}", " reading {}", " with the headline {}",
)  # fmt: skip
TEXT = (
    "{}", "text: {}", "text {}", "title: {}", "title {}", "headline: {}", "headline {}",
    "the text is {}", "it says {}", "write {}", "the text says {}", "the title is {}", "words: {}",
)  # fmt: skip
TEXT_IN = (
    "{} in {c}",
    "{} in {c} letters",
    "{} written in {c}",
    "{c} text {}",
    "{}, {c}",
    "{c} {}",
)
IN_COLOUR = (
    "text in {}", "{} text", "{} letters", "the text is {}", "text colour: {}", "text color {}",
    "headline in {}", "title in {}", "{} title", "the letters are {}", "use {} letters",
)  # fmt: skip
AT_ROW = ("text {}", "headline {}", "title {}", "put the text {}", "the text is {}", "words {}")
SHAPE = ("{}", "with {}", "and {}", "add {}", "there is {}", "draw {}", "plus {}")
NO_TEXT = ("no text", "without text", "no words", "no letters")

ROWS: Names = {
    "top": ("at the top", "top", "on top", "at the very top"),
    "middle": ("in the middle", "in the centre", "in the center", "centred", "centered", "middle"),
    "bottom": ("at the bottom", "bottom", "at the very bottom"),
}
PLACES: Names = {
    "left": ("on the left", "left", "to the left", "on the left side"),
    "centre": ("in the centre", "in the center", "in the middle", "centre", "center", "centered"),
    "right": ("on the right", "right", "to the right", "on the right side"),
    "top left": ("at the top left", "top left", "in the top left corner", "upper left"),
    "top centre": ("at the top centre", "top center", "above the text", "at the top"),
    "top right": ("at the top right", "top right", "in the top right corner", "upper right"),
    "bottom left": ("at the bottom left", "bottom left", "in the bottom left corner", "lower left"),
    "bottom centre": ("at the bottom centre", "bottom center", "below the text", "at the bottom"),
    "bottom right": ("at the bottom right", "bottom right", "in the bottom right corner"),
}
KINDS: Names = {
    "circle": ("circle", "circle", "dot", "disc", "sun", "moon", "ball"),
    "square": ("square", "square", "box", "block", "rectangle"),
    "triangle": ("triangle", "triangle", "pyramid", "mountain"),
    "ring": ("ring", "ring", "hoop"),
    "star": ("star",),
    "bar": ("bar", "stripe", "line", "band"),
}
SIZES: Names = {
    "small": ("small", "little", "tiny"),
    "medium": ("", "", "", "medium"),
    "big": ("big", "large", "huge"),
}

SUBJECTS_ZH = (
    "请做一张{}",
    "做一张{}",
    "一张{}",
    "帮我设计一张{}",
    "设计一张{}",
    "我要一张{}",
    "{}",
    "请画一张{}",
)
NOUNS_ZH = ("海报", "海报", "海报", "宣传单", "卡片", "广告")
STYLES_ZH = ("简约", "简单", "现代", "复古", "漂亮", "可爱", "大气", "扁平", "极简", "好看")
ENDINGS_ZH = ("简约风格", "干净", "谢谢", "不要别的", "扁平风格", "高质量", "简单一点", "现代风格")
PAGE_ZH = (
    "{}背景", "背景{}", "背景是{}", "背景为{}", "{}底", "底色{}", "{}页面", "底色是{}", "背景用{}",
)  # fmt: skip
TEXT_ZH = (
    "写着{}", "标题{}", "文字{}", "标题是{}", "文字是{}", "上面写{}", "文字为{}", "{}", "标题为{}",
    "写上{}", "主题是{}", "大字{}",
)  # fmt: skip
TEXT_IN_ZH = ("{c}的{}", "{c}文字{}", "{c}标题{}", "{}，{c}", "{}{c}", "{c}{}", "用{c}写{}")
IN_COLOUR_ZH = (
    "{}文字",
    "文字{}",
    "字是{}",
    "{}字体",
    "字用{}",
    "文字用{}",
    "标题用{}",
    "文字颜色{}",
)
AT_ROW_ZH = ("文字在{}", "标题在{}", "文字放在{}", "标题放{}")
SHAPE_ZH = (
    "{place}有一个{shape}", "{place}{shape}", "{place}画一个{shape}", "{place}一个{shape}",
    "{shape}在{place}", "加一个{shape}在{place}",
)  # fmt: skip
BARE_SHAPE_ZH = ("一个{shape}", "{shape}", "有一个{shape}", "加一个{shape}", "画一个{shape}")
NO_TEXT_ZH = ("没有文字", "不要文字", "无文字")
ROWS_ZH: Names = {
    "top": ("上方", "顶部", "最上面", "上面"),
    "middle": ("中间", "中央", "居中", "正中间"),
    "bottom": ("下方", "底部", "最下面", "下面"),
}
PLACES_ZH: Names = {
    "left": ("左侧", "左边", "左面"),
    "centre": ("中央", "中间", "正中间"),
    "right": ("右侧", "右边", "右面"),
    "top left": ("左上方", "左上角"),
    "top centre": ("正上方", "上方"),
    "top right": ("右上方", "右上角"),
    "bottom left": ("左下方", "左下角"),
    "bottom centre": ("正下方", "下方"),
    "bottom right": ("右下方", "右下角"),
}
KINDS_ZH: Names = {
    "circle": ("圆形", "圆形", "圆", "圆圈", "圆点", "太阳", "月亮"),
    "square": ("方形", "方形", "正方形", "方块", "矩形"),
    "triangle": ("三角形", "三角形", "三角", "山"),
    "ring": ("圆环", "圆环", "环", "环形"),
    "star": ("星形", "星星", "五角星", "星"),
    "bar": ("横条", "横条", "条纹", "横线", "长条"),
}
SIZES_ZH: Names = {"small": ("小", "小小的"), "medium": ("",), "big": ("大", "巨大的")}

ENGLISH = (
    OPENERS, STYLES, NOUNS, FOR_TOPIC, ENDINGS, ON_PAGE, PAGE, THAT_SAYS, TEXT, TEXT_IN, IN_COLOUR,
    AT_ROW, SHAPE, NO_TEXT,
    *(phrases for names in (ROWS, PLACES, KINDS, SIZES) for phrases in names.values()),
)  # fmt: skip
CHINESE = (
    SUBJECTS_ZH, NOUNS_ZH, STYLES_ZH, ENDINGS_ZH, PAGE_ZH, TEXT_ZH, TEXT_IN_ZH, IN_COLOUR_ZH,
    AT_ROW_ZH, SHAPE_ZH, BARE_SHAPE_ZH, NO_TEXT_ZH,
    *(words for names in (ROWS_ZH, PLACES_ZH, KINDS_ZH, SIZES_ZH) for words in names.values()),
)  # fmt: skip

TOPICS = (
    "coffee shop", "music festival", "jazz night", "birthday party", "summer sale", "yoga class",
    "book fair", "farmers market", "art exhibition", "school play", "garden party", "film club",
    "bakery", "pizza place", "wine tasting", "charity run", "flea market", "city marathon",
    "concert",
    "travel agency", "tech conference", "dance school", "new year", "holiday sale", "opening day",
    "flower shop", "street food", "swimming lessons", "chess club", "open mic night", "ice cream",
    "japan", "winter wedding", "science fair", "dog show", "barber", "theatre", "workshop",
)  # fmt: skip
TOPICS_ZH = (
    "音乐节", "咖啡店", "爵士音乐会", "生日派对", "夏日促销", "瑜伽课", "书展", "农夫集市",
    "艺术展", "读书会", "电影节", "面包店", "开业", "毕业", "春节", "中秋节", "招聘", "马拉松",
    "花店", "美食节", "舞会", "讲座", "旅行", "健身房", "新年", "婚礼", "科技大会", "篮球赛",
    "甜品店", "市集",
)  # fmt: skip
