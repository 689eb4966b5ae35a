<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
 <context>
  <name>About</name>
  <message>
   <source>About Inkstone</source>
   <translation>关于 Inkstone</translation>
  </message>
  <message>
   <source>Inkstone is free software under the Apache License 2.0. It stands on the work of others:</source>
   <translation>Inkstone 是采用 Apache 2.0 许可证的自由软件，并得益于以下项目：</translation>
  </message>
  <message>
   <source>Licences</source>
   <translation>许可证</translation>
  </message>
  <message>
   <source>Posters on your own computer, with the open Qwen-Image models. Nothing you make leaves it.</source>
   <translation>使用开放的 Qwen-Image 模型，在您自己的电脑上制作海报。您的作品不会离开这台电脑。</translation>
  </message>
 </context>
 <context>
  <name>Actions</name>
  <message>
   <source>&amp;About Inkstone</source>
   <translation>关于 Inkstone(&amp;A)</translation>
  </message>
  <message>
   <source>&amp;Actual Size</source>
   <translation>实际大小(&amp;A)</translation>
  </message>
  <message>
   <source>&amp;All</source>
   <translation>全选(&amp;A)</translation>
  </message>
  <message>
   <source>&amp;Cancel</source>
   <translation>取消(&amp;C)</translation>
  </message>
  <message>
   <source>&amp;Copy Visible</source>
   <translation>复制可见内容(&amp;C)</translation>
  </message>
  <message>
   <source>&amp;Describe Picture</source>
   <translation>描述图片(&amp;D)</translation>
  </message>
  <message>
   <source>&amp;Duplicate</source>
   <translation>复制图层(&amp;D)</translation>
  </message>
  <message>
   <source>&amp;Edit</source>
   <translation>编辑(&amp;E)</translation>
  </message>
  <message>
   <source>&amp;Eight Times the Size</source>
   <translation>八倍大小(&amp;E)</translation>
  </message>
  <message>
   <source>&amp;Export…</source>
   <translation>导出(&amp;E)…</translation>
  </message>
  <message>
   <source>&amp;File</source>
   <translation>文件(&amp;F)</translation>
  </message>
  <message>
   <source>&amp;First Steps</source>
   <translation>入门(&amp;F)</translation>
  </message>
  <message>
   <source>&amp;Fit Page</source>
   <translation>适合页面(&amp;F)</translation>
  </message>
  <message>
   <source>&amp;Generate</source>
   <translation>生成(&amp;G)</translation>
  </message>
  <message>
   <source>&amp;Group</source>
   <translation>编组(&amp;G)</translation>
  </message>
  <message>
   <source>&amp;Help</source>
   <translation>帮助(&amp;H)</translation>
  </message>
  <message>
   <source>&amp;Hide All Panels</source>
   <translation>隐藏所有面板(&amp;H)</translation>
  </message>
  <message>
   <source>&amp;History and Layers</source>
   <translation>历史与图层(&amp;H)</translation>
  </message>
  <message>
   <source>&amp;Invert</source>
   <translation>反选(&amp;I)</translation>
  </message>
  <message>
   <source>&amp;Keyboard Shortcuts…</source>
   <translation>键盘快捷键(&amp;K)…</translation>
  </message>
  <message>
   <source>&amp;Layer</source>
   <translation>图层(&amp;L)</translation>
  </message>
  <message>
   <source>&amp;Models…</source>
   <translation>模型(&amp;M)…</translation>
  </message>
  <message>
   <source>&amp;New Layer</source>
   <translation>新建图层(&amp;N)</translation>
  </message>
  <message>
   <source>&amp;New Page…</source>
   <translation>新建页面(&amp;N)…</translation>
  </message>
  <message>
   <source>&amp;New Picture</source>
   <translation>新图片(&amp;N)</translation>
  </message>
  <message>
   <source>&amp;None</source>
   <translation>取消选择(&amp;N)</translation>
  </message>
  <message>
   <source>&amp;Open…</source>
   <translation>打开(&amp;O)…</translation>
  </message>
  <message>
   <source>&amp;Paste</source>
   <translation>粘贴(&amp;P)</translation>
  </message>
  <message>
   <source>&amp;Picture</source>
   <translation>图片(&amp;P)</translation>
  </message>
  <message>
   <source>&amp;Place Picture…</source>
   <translation>置入图片(&amp;P)…</translation>
  </message>
  <message>
   <source>&amp;Prompt Panel</source>
   <translation>提示词面板(&amp;P)</translation>
  </message>
  <message>
   <source>&amp;Quit</source>
   <translation>退出(&amp;Q)</translation>
  </message>
  <message>
   <source>&amp;Redo</source>
   <translation>重做(&amp;R)</translation>
  </message>
  <message>
   <source>&amp;Rename Step…</source>
   <translation>重命名步骤(&amp;R)…</translation>
  </message>
  <message>
   <source>&amp;Rename…</source>
   <translation>重命名(&amp;R)…</translation>
  </message>
  <message>
   <source>&amp;Save</source>
   <translation>保存(&amp;S)</translation>
  </message>
  <message>
   <source>&amp;Select</source>
   <translation>选择(&amp;S)</translation>
  </message>
  <message>
   <source>&amp;Tools</source>
   <translation>工具(&amp;T)</translation>
  </message>
  <message>
   <source>&amp;Twice the Size</source>
   <translation>两倍大小(&amp;T)</translation>
  </message>
  <message>
   <source>&amp;Undo</source>
   <translation>撤销(&amp;U)</translation>
  </message>
  <message>
   <source>&amp;Ungroup</source>
   <translation>取消编组(&amp;U)</translation>
  </message>
  <message>
   <source>&amp;Use These Settings Again</source>
   <translation>再次使用这些设置(&amp;U)</translation>
  </message>
  <message>
   <source>&amp;Use as Mask or Selection…</source>
   <translation>用作蒙版或选区(&amp;U)…</translation>
  </message>
  <message>
   <source>&amp;View</source>
   <translation>视图(&amp;V)</translation>
  </message>
  <message>
   <source>Add &amp;Mask</source>
   <translation>添加蒙版(&amp;M)</translation>
  </message>
  <message>
   <source>Add Mask that S&amp;hows All</source>
   <translation>添加全部显示的蒙版(&amp;H)</translation>
  </message>
  <message>
   <source>Add Step to Prompt as Pic&amp;ture</source>
   <translation>将步骤作为图片加入提示词(&amp;T)</translation>
  </message>
  <message>
   <source>Add to Pr&amp;ompt as Picture</source>
   <translation>作为图片加入提示词(&amp;O)</translation>
  </message>
  <message>
   <source>Appl&amp;y Mask</source>
   <translation>应用蒙版(&amp;Y)</translation>
  </message>
  <message>
   <source>Brush &amp;Larger</source>
   <translation>增大画笔(&amp;L)</translation>
  </message>
  <message>
   <source>Brush &amp;Smaller</source>
   <translation>减小画笔(&amp;S)</translation>
  </message>
  <message>
   <source>C&amp;hange This Picture</source>
   <translation>修改此图片(&amp;H)</translation>
  </message>
  <message>
   <source>Change by P&amp;reset…</source>
   <translation>按预设修改(&amp;R)…</translation>
  </message>
  <message>
   <source>De&amp;lete</source>
   <translation>删除(&amp;L)</translation>
  </message>
  <message>
   <source>E&amp;xtend to Page…</source>
   <translation>扩展到整个页面(&amp;X)…</translation>
  </message>
  <message>
   <source>F&amp;ull Screen</source>
   <translation>全屏(&amp;U)</translation>
  </message>
  <message>
   <source>Fou&amp;r Times the Size</source>
   <translation>四倍大小(&amp;R)</translation>
  </message>
  <message>
   <source>Go to &amp;Prompt</source>
   <translation>转到提示词(&amp;P)</translation>
  </message>
  <message>
   <source>Lo&amp;ck or Unlock</source>
   <translation>锁定或解锁(&amp;C)</translation>
  </message>
  <message>
   <source>M&amp;ask On or Off</source>
   <translation>启用或停用蒙版(&amp;A)</translation>
  </message>
  <message>
   <source>Mask as &amp;Tint or Outline</source>
   <translation>蒙版显示为着色或轮廓(&amp;T)</translation>
  </message>
  <message>
   <source>Move Do&amp;wn</source>
   <translation>下移(&amp;W)</translation>
  </message>
  <message>
   <source>Move U&amp;p</source>
   <translation>上移(&amp;P)</translation>
  </message>
  <message>
   <source>New &amp;Seed</source>
   <translation>新种子(&amp;S)</translation>
  </message>
  <message>
   <source>New &amp;Text Layer</source>
   <translation>新建文字图层(&amp;T)</translation>
  </message>
  <message>
   <source>Open &amp;Recent</source>
   <translation>最近打开(&amp;R)</translation>
  </message>
  <message>
   <source>P&amp;in Step</source>
   <translation>固定步骤(&amp;I)</translation>
  </message>
  <message>
   <source>P&amp;olish Prompt</source>
   <translation>润色提示词(&amp;O)</translation>
  </message>
  <message>
   <source>Pa&amp;ge Size…</source>
   <translation>页面大小(&amp;G)…</translation>
  </message>
  <message>
   <source>Paint on Mas&amp;k</source>
   <translation>绘制蒙版(&amp;K)</translation>
  </message>
  <message>
   <source>Re&amp;move Step…</source>
   <translation>移除步骤(&amp;M)…</translation>
  </message>
  <message>
   <source>Remo&amp;ve Mask</source>
   <translation>移除蒙版(&amp;V)</translation>
  </message>
  <message>
   <source>S&amp;wap Brush and Eraser</source>
   <translation>切换画笔与橡皮擦(&amp;W)</translation>
  </message>
  <message>
   <source>Save &amp;As…</source>
   <translation>另存为(&amp;A)…</translation>
  </message>
  <message>
   <source>Se&amp;ttings…</source>
   <translation>设置(&amp;T)…</translation>
  </message>
  <message>
   <source>Select Layer &amp;Above</source>
   <translation>选择上方图层(&amp;A)</translation>
  </message>
  <message>
   <source>Select Layer &amp;Below</source>
   <translation>选择下方图层(&amp;B)</translation>
  </message>
  <message>
   <source>Sho&amp;w or Hide</source>
   <translation>显示或隐藏(&amp;W)</translation>
  </message>
  <message>
   <source>Show Mask Al&amp;one</source>
   <translation>单独显示蒙版(&amp;O)</translation>
  </message>
  <message>
   <source>Spl&amp;it into Layers…</source>
   <translation>拆分为图层(&amp;I)…</translation>
  </message>
  <message>
   <source>There is no picture on the page yet.</source>
   <translation>页面上还没有图片。</translation>
  </message>
  <message>
   <source>Zoom &amp;In</source>
   <translation>放大(&amp;I)</translation>
  </message>
  <message>
   <source>Zoom &amp;Out</source>
   <translation>缩小(&amp;O)</translation>
  </message>
 </context>
 <context>
  <name>Adapters</name>
  <message>
   <source>A ControlNet lets the new picture follow edges, depth or a pose of another one. Add one with +, or drop its folder here.</source>
   <translation>ControlNet 让新图片遵循另一张图片的边缘、深度或姿态。用 + 添加，或将其文件夹拖放到这里。</translation>
  </message>
  <message>
   <source>Add a ControlNet</source>
   <translation>添加 ControlNet</translation>
  </message>
  <message>
   <source>Add a style (LoRA)</source>
   <translation>添加风格（LoRA）</translation>
  </message>
  <message>
   <source>As usual</source>
   <translation>照常</translation>
  </message>
  <message>
   <source>Choose the picture that it follows.</source>
   <translation>请选择它要遵循的图片。</translation>
  </message>
  <message>
   <source>Control</source>
   <translation>控制</translation>
  </message>
  <message>
   <source>Counts</source>
   <translation>生效</translation>
  </message>
  <message>
   <source>Edges of the page</source>
   <translation>页面的边缘线</translation>
  </message>
  <message>
   <source>From a file…</source>
   <translation>从文件…</translation>
  </message>
  <message>
   <source>From a folder…</source>
   <translation>从文件夹…</translation>
  </message>
  <message>
   <source>From when to when it counts, in shares of the steps</source>
   <translation>从何时到何时生效，按步数的比例</translation>
  </message>
  <message>
   <source>How closely the map is followed</source>
   <translation>遵循控制图的程度</translation>
  </message>
  <message>
   <source>How strongly it counts; below 0 it works the other way</source>
   <translation>作用强度；低于 0 则反向作用</translation>
  </message>
  <message numerus="yes">
   <source>Lightning, %n step(s)</source>
   <translation>
    <numerusform>Lightning，%n 步</numerusform>
   </translation>
  </message>
  <message>
   <source>LoRA files ({kinds})</source>
   <translation>LoRA 文件（{kinds}）</translation>
  </message>
  <message>
   <source>No layer is active.</source>
   <translation>没有活动图层。</translation>
  </message>
  <message>
   <source>Reading the file…</source>
   <translation>正在读取文件…</translation>
  </message>
  <message>
   <source>Strength of {name}</source>
   <translation>{name} 的强度</translation>
  </message>
  <message>
   <source>Styles</source>
   <translation>风格</translation>
  </message>
  <message>
   <source>Styles are LoRAs: small files that teach the model a look. Add one with +, or drop it here.</source>
   <translation>风格即 LoRA：教会模型一种外观的小文件。用 + 添加，或拖放到这里。</translation>
  </message>
  <message>
   <source>Take out</source>
   <translation>移除</translation>
  </message>
  <message>
   <source>The active layer</source>
   <translation>活动图层</translation>
  </message>
  <message>
   <source>The map: the picture that it follows</source>
   <translation>控制图：它要遵循的图片</translation>
  </message>
  <message>
   <source>The picture to follow</source>
   <translation>要遵循的图片</translation>
  </message>
  <message>
   <source>There is nothing on the page yet.</source>
   <translation>页面上还没有内容。</translation>
  </message>
  <message>
   <source>Wait until the picture is made.</source>
   <translation>请等图片生成完毕。</translation>
  </message>
  <message>
   <source>Weight of {name}</source>
   <translation>{name} 的权重</translation>
  </message>
 </context>
 <context>
  <name>Anchor</name>
  <message>
   <source>Bottom</source>
   <translation>底部</translation>
  </message>
  <message>
   <source>Bottom left</source>
   <translation>左下</translation>
  </message>
  <message>
   <source>Bottom right</source>
   <translation>右下</translation>
  </message>
  <message>
   <source>Left</source>
   <translation>左侧</translation>
  </message>
  <message>
   <source>Middle</source>
   <translation>居中</translation>
  </message>
  <message>
   <source>Right</source>
   <translation>右侧</translation>
  </message>
  <message>
   <source>Top</source>
   <translation>顶部</translation>
  </message>
  <message>
   <source>Top left</source>
   <translation>左上</translation>
  </message>
  <message>
   <source>Top right</source>
   <translation>右上</translation>
  </message>
 </context>
 <context>
  <name>Banner</name>
  <message>
   <source>Close this message</source>
   <translation>关闭此消息</translation>
  </message>
 </context>
 <context>
  <name>Blend</name>
  <message>
   <source>Add</source>
   <translation>相加</translation>
  </message>
  <message>
   <source>Color Burn</source>
   <translation>颜色加深</translation>
  </message>
  <message>
   <source>Color Dodge</source>
   <translation>颜色减淡</translation>
  </message>
  <message>
   <source>Darken</source>
   <translation>变暗</translation>
  </message>
  <message>
   <source>Difference</source>
   <translation>差值</translation>
  </message>
  <message>
   <source>Exclusion</source>
   <translation>排除</translation>
  </message>
  <message>
   <source>Hard Light</source>
   <translation>强光</translation>
  </message>
  <message>
   <source>Lighten</source>
   <translation>变亮</translation>
  </message>
  <message>
   <source>Multiply</source>
   <translation>正片叠底</translation>
  </message>
  <message>
   <source>Normal</source>
   <translation>正常</translation>
  </message>
  <message>
   <source>Overlay</source>
   <translation>叠加</translation>
  </message>
  <message>
   <source>Screen</source>
   <translation>滤色</translation>
  </message>
  <message>
   <source>Soft Light</source>
   <translation>柔光</translation>
  </message>
 </context>
 <context>
  <name>Canvas</name>
  <message>
   <source>Before</source>
   <translation>修改前</translation>
  </message>
  <message>
   <source>Canvas</source>
   <translation>画布</translation>
  </message>
  <message>
   <source>Describe your poster</source>
   <translation>描述您的海报</translation>
  </message>
  <message>
   <source>Drop to place</source>
   <translation>松开以置入</translation>
  </message>
  <message>
   <source>Hand</source>
   <translation>抓手</translation>
  </message>
  <message>
   <source>Mask brush</source>
   <translation>蒙版画笔</translation>
  </message>
  <message>
   <source>Mask eraser</source>
   <translation>蒙版橡皮擦</translation>
  </message>
  <message>
   <source>Move</source>
   <translation>移动</translation>
  </message>
  <message>
   <source>No page is open.</source>
   <translation>没有打开的页面。</translation>
  </message>
  <message>
   <source>Only the mask of “{name}” is shown. Esc: back</source>
   <translation>仅显示“{name}”的蒙版。按 Esc 返回</translation>
  </message>
  <message>
   <source>Only the mask of “{name}”, which is off, is shown. Esc: back</source>
   <translation>仅显示“{name}”的蒙版（已停用）。按 Esc 返回</translation>
  </message>
  <message>
   <source>Page of {width} × {height} px at {zoom} %. Tool: {tool}.</source>
   <translation>页面 {width} × {height} 像素，缩放 {zoom} %。工具：{tool}。</translation>
  </message>
  <message>
   <source>Painting mask of “{name}”</source>
   <translation>正在绘制“{name}”的蒙版</translation>
  </message>
  <message>
   <source>Painting mask of “{name}”, which is off</source>
   <translation>正在绘制“{name}”的蒙版（已停用）</translation>
  </message>
  <message>
   <source>Preview</source>
   <translation>预览</translation>
  </message>
  <message>
   <source>Rectangle selection</source>
   <translation>矩形选区</translation>
  </message>
  <message>
   <source>Text</source>
   <translation>文字</translation>
  </message>
  <message>
   <source>Write what it shows and press Ctrl+Enter, or drop a picture onto the page.</source>
   <translation>写下画面内容并按 Ctrl+Enter，或将图片拖放到页面上。</translation>
  </message>
  <message>
   <source>{title} · step {step} of {total}</source>
   <translation>{title} · 第 {step} 步，共 {total} 步</translation>
  </message>
  <message>
   <source>{width} × {height} px</source>
   <translation>{width} × {height} 像素</translation>
  </message>
 </context>
 <context>
  <name>Commands</name>
  <message>
   <source>Add group</source>
   <translation>添加组</translation>
  </message>
  <message>
   <source>Add layer</source>
   <translation>添加图层</translation>
  </message>
  <message>
   <source>Add text</source>
   <translation>添加文字</translation>
  </message>
  <message>
   <source>Apply mask</source>
   <translation>应用蒙版</translation>
  </message>
  <message>
   <source>Blend mode</source>
   <translation>混合模式</translation>
  </message>
  <message>
   <source>Change page</source>
   <translation>更改页面</translation>
  </message>
  <message>
   <source>Delete layer</source>
   <translation>删除图层</translation>
  </message>
  <message>
   <source>Deselect</source>
   <translation>取消选择</translation>
  </message>
  <message>
   <source>Duplicate layer</source>
   <translation>复制图层</translation>
  </message>
  <message>
   <source>Edit text</source>
   <translation>编辑文字</translation>
  </message>
  <message>
   <source>Erase</source>
   <translation>擦除</translation>
  </message>
  <message>
   <source>Go to step in history</source>
   <translation>转到历史步骤</translation>
  </message>
  <message>
   <source>Group layers</source>
   <translation>图层编组</translation>
  </message>
  <message>
   <source>Hide layer</source>
   <translation>隐藏图层</translation>
  </message>
  <message>
   <source>Layer mask</source>
   <translation>图层蒙版</translation>
  </message>
  <message>
   <source>Layer opacity</source>
   <translation>图层不透明度</translation>
  </message>
  <message>
   <source>Lock layer</source>
   <translation>锁定图层</translation>
  </message>
  <message>
   <source>Move</source>
   <translation>移动</translation>
  </message>
  <message>
   <source>Move layer in the stack</source>
   <translation>调整图层顺序</translation>
  </message>
  <message>
   <source>Paint</source>
   <translation>绘制</translation>
  </message>
  <message>
   <source>Paint mask</source>
   <translation>绘制蒙版</translation>
  </message>
  <message>
   <source>Place result</source>
   <translation>置入结果</translation>
  </message>
  <message numerus="yes">
   <source>Remove %n step(s)</source>
   <translation>
    <numerusform>移除 %n 个步骤</numerusform>
   </translation>
  </message>
  <message>
   <source>Remove mask</source>
   <translation>移除蒙版</translation>
  </message>
  <message>
   <source>Rename layer</source>
   <translation>重命名图层</translation>
  </message>
  <message>
   <source>Select</source>
   <translation>选择</translation>
  </message>
  <message>
   <source>Show layer</source>
   <translation>显示图层</translation>
  </message>
  <message>
   <source>Split into layers</source>
   <translation>拆分为图层</translation>
  </message>
  <message>
   <source>Turn mask off</source>
   <translation>停用蒙版</translation>
  </message>
  <message>
   <source>Turn mask on</source>
   <translation>启用蒙版</translation>
  </message>
  <message>
   <source>Ungroup</source>
   <translation>取消编组</translation>
  </message>
  <message>
   <source>Unlock layer</source>
   <translation>解锁图层</translation>
  </message>
  <message>
   <source>Use map</source>
   <translation>使用分布图</translation>
  </message>
 </context>
 <context>
  <name>Document</name>
  <message>
   <source>A bleed of {bleed} mm leaves nothing of the page.</source>
   <translation>出血 {bleed} 毫米会使页面不剩任何内容。</translation>
  </message>
  <message>
   <source>A group cannot be put into itself.</source>
   <translation>组不能放入自身。</translation>
  </message>
  <message>
   <source>A page of {width} × {height} px is too large or too small: each side from 1 to {side}, at most {area} million pixels in all. Choose a smaller size or a lower resolution.</source>
   <translation>{width} × {height} 像素的页面过大或过小：每边须为 1 至 {side} 像素，总计不超过 {area} 百万像素。请选择较小的尺寸或较低的分辨率。</translation>
  </message>
  <message>
   <source>A resolution of {dpi} dpi is outside 1…{most}.</source>
   <translation>分辨率 {dpi} dpi 超出 1 至 {most} 的范围。</translation>
  </message>
  <message>
   <source>A text layer holds {count} characters at most.</source>
   <translation>一个文字图层最多容纳 {count} 个字符。</translation>
  </message>
  <message>
   <source>Only a group can be ungrouped.</source>
   <translation>只有组才能取消编组。</translation>
  </message>
  <message>
   <source>Only a group can hold layers.</source>
   <translation>只有组才能包含图层。</translation>
  </message>
  <message>
   <source>Only a mask that is on, of a pixel layer, can be applied.</source>
   <translation>只能应用像素图层上已启用的蒙版。</translation>
  </message>
  <message>
   <source>Only a pixel layer or a layer's mask can be painted on.</source>
   <translation>只能在像素图层或图层蒙版上绘制。</translation>
  </message>
  <message>
   <source>The layer is not in the document any more.</source>
   <translation>该图层已不在文档中。</translation>
  </message>
  <message>
   <source>The layer “{name}” is locked. Unlock it in the layers panel.</source>
   <translation>图层“{name}”已锁定。请在图层面板中解锁。</translation>
  </message>
  <message>
   <source>The picture covers the page already.</source>
   <translation>图片已经覆盖整个页面。</translation>
  </message>
  <message>
   <source>There is no picture on the page yet.</source>
   <translation>页面上还没有图片。</translation>
  </message>
  <message>
   <source>This layer holds no text.</source>
   <translation>此图层不含文字。</translation>
  </message>
 </context>
 <context>
  <name>Engine</name>
  <message>
   <source>The engine could not be started (%s).</source>
   <translation>无法启动引擎（%s）。</translation>
  </message>
  <message>
   <source>The engine did not answer any more and was ended.</source>
   <translation>引擎不再响应，已被结束。</translation>
  </message>
  <message>
   <source>The engine did not heed the stop and was ended.</source>
   <translation>引擎未响应停止指令，已被结束。</translation>
  </message>
  <message>
   <source>The engine ended unexpectedly.</source>
   <translation>引擎意外终止。</translation>
  </message>
  <message>
   <source>The engine sent something senseless (%s).</source>
   <translation>引擎发送了无法识别的内容（%s）。</translation>
  </message>
  <message>
   <source>The pictures are too large to be sent to the engine (%s).</source>
   <translation>图片过大，无法发送给引擎（%s）。</translation>
  </message>
  <message>
   <source>The system ended the engine; memory may have run out.</source>
   <translation>系统结束了引擎，可能是内存不足。</translation>
  </message>
  <message>
   <source>This very request has ended the engine %s times, so it is not tried again. Change it (a smaller size, another model), or restart Inkstone.</source>
   <translation>同一请求已使引擎终止 %s 次，因此不再重试。请更改请求（减小尺寸或换用其他模型），或重新启动 Inkstone。</translation>
  </message>
  <message>
   <source>Your document is untouched; a new engine starts when you retry.</source>
   <translation>您的文档未受影响；重试时会启动新的引擎。</translation>
  </message>
 </context>
 <context>
  <name>Extend</name>
  <message>
   <source>, </source>
   <translation>、</translation>
  </message>
  <message>
   <source>Continue the picture beyond its edges</source>
   <translation>把图片延续到边缘之外</translation>
  </message>
  <message>
   <source>Extend</source>
   <translation>扩展</translation>
  </message>
  <message>
   <source>Extend Picture to Page</source>
   <translation>将图片扩展到整个页面</translation>
  </message>
  <message>
   <source>Extend Picture…</source>
   <translation>扩展图片…</translation>
  </message>
  <message>
   <source>None of the models that are there can extend a picture. Add a folder with Qwen-Image in the settings.</source>
   <translation>现有的模型都不能扩展图片。请在设置中添加含有 Qwen-Image 的文件夹。</translation>
  </message>
  <message>
   <source>The model paints what is missing; the picture itself stays as it is, bit for bit.</source>
   <translation>模型会画出缺少的部分；图片本身保持不变，一个比特也不改。</translation>
  </message>
  <message>
   <source>The page is larger than the picture on it.</source>
   <translation>页面比其上的图片大。</translation>
  </message>
  <message>
   <source>The page is larger than the picture: {sides}.</source>
   <translation>页面比图片大：{sides}。</translation>
  </message>
  <message>
   <source>What the whole picture shows</source>
   <translation>整张图片的内容</translation>
  </message>
  <message>
   <source>{px} px at the bottom</source>
   <translation>下方 {px} px</translation>
  </message>
  <message>
   <source>{px} px at the left</source>
   <translation>左侧 {px} px</translation>
  </message>
  <message>
   <source>{px} px at the right</source>
   <translation>右侧 {px} px</translation>
  </message>
  <message>
   <source>{px} px at the top</source>
   <translation>上方 {px} px</translation>
  </message>
 </context>
 <context>
  <name>Files</name>
  <message>
   <source>Add Pictures</source>
   <translation>添加图片</translation>
  </message>
  <message>
   <source>As a layer here</source>
   <translation>作为图层置于此处</translation>
  </message>
  <message>
   <source>As reference for the next picture</source>
   <translation>作为下一张图片的参考</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>取消</translation>
  </message>
  <message>
   <source>Export</source>
   <translation>导出</translation>
  </message>
  <message>
   <source>Exported to “{name}”.</source>
   <translation>已导出到“{name}”。</translation>
  </message>
  <message>
   <source>Inkstone project ({kinds})</source>
   <translation>Inkstone 项目 ({kinds})</translation>
  </message>
  <message>
   <source>Open</source>
   <translation>打开</translation>
  </message>
  <message>
   <source>Open as a new project</source>
   <translation>作为新项目打开</translation>
  </message>
  <message>
   <source>PNG, flat (*.png)</source>
   <translation>PNG，合并 (*.png)</translation>
  </message>
  <message>
   <source>PSD, layers (*.psd)</source>
   <translation>PSD，分层 (*.psd)</translation>
  </message>
  <message>
   <source>Page</source>
   <translation>页面</translation>
  </message>
  <message>
   <source>Pasted picture</source>
   <translation>粘贴的图片</translation>
  </message>
  <message>
   <source>Pictures ({kinds})</source>
   <translation>图片 ({kinds})</translation>
  </message>
  <message>
   <source>Place Picture</source>
   <translation>置入图片</translation>
  </message>
  <message>
   <source>Projects and pictures ({kinds})</source>
   <translation>项目与图片 ({kinds})</translation>
  </message>
  <message>
   <source>Save As</source>
   <translation>另存为</translation>
  </message>
  <message>
   <source>The clipboard's picture</source>
   <translation>剪贴板中的图片</translation>
  </message>
  <message>
   <source>There is no picture on the clipboard.</source>
   <translation>剪贴板中没有图片。</translation>
  </message>
  <message>
   <source>{name} cannot be read: {reason}. Check the file and its folder.</source>
   <translation>无法读取 {name}：{reason}。请检查该文件及其文件夹。</translation>
  </message>
  <message>
   <source>{name} holds numbers of 32 bits, which Inkstone does not read. Save it with 8 or 16 bits for each channel.</source>
   <translation>{name} 使用 32 位数值，Inkstone 无法读取。请以每通道 8 位或 16 位重新保存。</translation>
  </message>
  <message>
   <source>{name} is damaged or incomplete and cannot be opened. Try another copy of it.</source>
   <translation>{name} 已损坏或不完整，无法打开。请尝试它的其他副本。</translation>
  </message>
  <message>
   <source>{name} is not a picture that Inkstone can open. It opens PNG, JPEG, WebP, TIFF and BMP.</source>
   <translation>{name} 不是 Inkstone 能打开的图片。支持 PNG、JPEG、WebP、TIFF 和 BMP。</translation>
  </message>
  <message>
   <source>{name} was not written: its name must end in {kinds}. Choose one of these.</source>
   <translation>未写入 {name}：文件名必须以 {kinds} 结尾。请选择其中一种。</translation>
  </message>
  <message>
   <source>{name} was not written: the layers need more than the 2 GB that a PSD can hold. Merge or remove some layers, or export a PNG.</source>
   <translation>未写入 {name}：图层所需空间超过 PSD 的 2 GB 上限。请合并或移除部分图层，或导出为 PNG。</translation>
  </message>
  <message>
   <source>{name}: its recipe was written by a newer Inkstone (form {version}; this one reads up to {known}). Update Inkstone to use it.</source>
   <translation>{name}：其配方由较新的 Inkstone 写入（格式 {version}，当前版本最高支持 {known}）。请更新 Inkstone 后使用。</translation>
  </message>
  <message>
   <source>{name}: the recipe inside it is damaged and cannot be used.</source>
   <translation>{name}：其中的配方已损坏，无法使用。</translation>
  </message>
  <message>
   <source>{name}{size} is too large. Inkstone opens pictures up to {limit} million pixels and files up to 1 GB. Make it smaller and open it again.</source>
   <translation>{name}{size} 过大。Inkstone 可打开不超过 {limit} 百万像素、不超过 1 GB 的图片。请缩小后再打开。</translation>
  </message>
  <message>
   <source>“{name}” was not exported.</source>
   <translation>未能导出“{name}”。</translation>
  </message>
  <message>
   <source>“{name}” was not opened.</source>
   <translation>未能打开“{name}”。</translation>
  </message>
 </context>
 <context>
  <name>History</name>
  <message>
   <source>A picture is being made from “{name}”. Wait for it, or cancel it first.</source>
   <translation>正在根据“{name}”生成图片。请等待完成，或先取消。</translation>
  </message>
  <message>
   <source>Add to prompt as picture</source>
   <translation>作为图片加入提示词</translation>
  </message>
  <message>
   <source>Copy the prompt</source>
   <translation>复制提示词</translation>
  </message>
  <message>
   <source>Every picture you make is kept here. Go back to any of them and change it again: that begins a branch.</source>
   <translation>您制作的每张图片都会保存在这里。回到其中任意一张再次修改，即可开始新的分支。</translation>
  </message>
  <message>
   <source>Export this picture…</source>
   <translation>导出此图片…</translation>
  </message>
  <message>
   <source>Extended to {size} px</source>
   <translation>扩展到 {size} px</translation>
  </message>
  <message>
   <source>History</source>
   <translation>历史</translation>
  </message>
  <message>
   <source>History of pictures</source>
   <translation>图片历史</translation>
  </message>
  <message>
   <source>Hold to see it before the last change  (\)</source>
   <translation>按住可查看上次修改前的样子  (\)</translation>
  </message>
  <message>
   <source>Make current</source>
   <translation>设为当前</translation>
  </message>
  <message>
   <source>Pin</source>
   <translation>固定</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>移除</translation>
  </message>
  <message numerus="yes">
   <source>Remove %n step(s) from the history?</source>
   <translation>
    <numerusform>要从历史中移除 %n 个步骤吗？</numerusform>
   </translation>
  </message>
  <message>
   <source>Remove…</source>
   <translation>移除…</translation>
  </message>
  <message>
   <source>Rename</source>
   <translation>重命名</translation>
  </message>
  <message>
   <source>Seed {seed} · {steps} steps · guidance {guidance}</source>
   <translation>种子 {seed} · {steps} 步 · 引导 {guidance}</translation>
  </message>
  <message>
   <source>Show before</source>
   <translation>显示修改前</translation>
  </message>
  <message numerus="yes">
   <source>Split into %n layer(s)</source>
   <translation>
    <numerusform>拆分为 %n 个图层</numerusform>
   </translation>
  </message>
  <message>
   <source>This step is not in the history of the document.</source>
   <translation>文档历史中没有此步骤。</translation>
  </message>
  <message>
   <source>Unpin</source>
   <translation>取消固定</translation>
  </message>
  <message>
   <source>Use these settings again</source>
   <translation>再次使用这些设置</translation>
  </message>
  <message>
   <source>change</source>
   <translation>修改</translation>
  </message>
  <message>
   <source>new</source>
   <translation>新建</translation>
  </message>
  <message>
   <source>{model} ({licence}) · {size} px · {s} s</source>
   <translation>{model}（{licence}）· {size} 像素 · {s} 秒</translation>
  </message>
  <message>
   <source>“{name}” and every step that came from it leave the history. Undo brings them back as long as the project is open; then their space is freed.</source>
   <translation>“{name}”以及由它产生的所有步骤将从历史中移除。项目打开期间可以撤销；关闭后将释放所占空间。</translation>
  </message>
  <message>
   <source>“{name}” is pinned. Unpin it first, then remove it.</source>
   <translation>“{name}”已固定。请先取消固定，再移除。</translation>
  </message>
  <message>
   <source>“{name}” stays: the picture on the page comes from it. Make a step outside its branch current first.</source>
   <translation>“{name}”不能移除：页面上的图片由它产生。请先将其分支之外的步骤设为当前。</translation>
  </message>
 </context>
 <context>
  <name>Keys</name>
  <message>
   <source>Action</source>
   <translation>操作</translation>
  </message>
  <message>
   <source>Keyboard Shortcuts</source>
   <translation>键盘快捷键</translation>
  </message>
  <message>
   <source>Keys</source>
   <translation>按键</translation>
  </message>
  <message>
   <source>No Keys</source>
   <translation>清除按键</translation>
  </message>
  <message>
   <source>Press the new keys</source>
   <translation>请按下新的按键</translation>
  </message>
  <message>
   <source>Reset</source>
   <translation>重置</translation>
  </message>
  <message>
   <source>Reset All</source>
   <translation>全部重置</translation>
  </message>
  <message>
   <source>Search</source>
   <translation>搜索</translation>
  </message>
  <message>
   <source>Search actions and keys</source>
   <translation>搜索操作和按键</translation>
  </message>
  <message>
   <source>{key} is used by {actions}.</source>
   <translation>{key} 同时用于：{actions}。</translation>
  </message>
 </context>
 <context>
  <name>Layers</name>
  <message>
   <source>Blend mode</source>
   <translation>混合模式</translation>
  </message>
  <message>
   <source>Correction</source>
   <translation>修正</translation>
  </message>
  <message>
   <source>Group</source>
   <translation>组</translation>
  </message>
  <message>
   <source>How the layer mixes with those below it</source>
   <translation>图层与下方图层的混合方式</translation>
  </message>
  <message>
   <source>Layer</source>
   <translation>图层</translation>
  </message>
  <message>
   <source>Layer {number}</source>
   <translation>图层 {number}</translation>
  </message>
  <message>
   <source>Layers</source>
   <translation>图层</translation>
  </message>
  <message>
   <source>Map</source>
   <translation>分布图</translation>
  </message>
  <message>
   <source>Mixed</source>
   <translation>混合值</translation>
  </message>
  <message>
   <source>No layers yet. A generated picture becomes the first one; text and pictures lie above it.</source>
   <translation>还没有图层。生成的图片将成为第一个图层，文字和其他图片位于其上。</translation>
  </message>
  <message>
   <source>Opacity</source>
   <translation>不透明度</translation>
  </message>
  <message>
   <source>Picture</source>
   <translation>图片</translation>
  </message>
  <message>
   <source>Split picture</source>
   <translation>拆分后的图片</translation>
  </message>
  <message>
   <source>Text</source>
   <translation>文字</translation>
  </message>
  <message>
   <source>The marked layers differ; a new value is for all</source>
   <translation>所选图层的值不同；新值将应用于全部</translation>
  </message>
  <message>
   <source>Ungrouped. The group's own opacity, blending or mask is gone with it.</source>
   <translation>已取消编组。组自身的不透明度、混合模式或蒙版已随之移除。</translation>
  </message>
  <message>
   <source>hidden</source>
   <translation>已隐藏</translation>
  </message>
  <message>
   <source>{name} copy</source>
   <translation>{name} 副本</translation>
  </message>
 </context>
 <context>
  <name>Making</name>
  <message>
   <source>Accept it once to use the model. Your document is unchanged.</source>
   <translation>接受一次后即可使用该模型。您的文档没有变化。</translation>
  </message>
  <message>
   <source>Accept the licence</source>
   <translation>接受许可证</translation>
  </message>
  <message>
   <source>Add a model folder in the settings.</source>
   <translation>请在设置中添加模型文件夹。</translation>
  </message>
  <message>
   <source>Choose another model to make a picture. To split this one, use Layer &gt; Split into Layers.</source>
   <translation>要生成图片，请选择其他模型。要拆分这张图片，请使用“图层 &gt; 拆分为图层”。</translation>
  </message>
  <message>
   <source>No usable model was found.</source>
   <translation>未找到可用的模型。</translation>
  </message>
  <message>
   <source>The engine could not tell which models there are.</source>
   <translation>引擎无法列出可用的模型。</translation>
  </message>
  <message>
   <source>The picture could not be made. Your document is unchanged.</source>
   <translation>图片未能生成。您的文档没有变化。</translation>
  </message>
  <message>
   <source>The picture was made but could not be stored, so it is not shown.</source>
   <translation>图片已生成但无法保存，因此没有显示。</translation>
  </message>
  <message>
   <source>This model looks at no other pictures. Remove them, or choose another.</source>
   <translation>此模型不看其他图片。请移除它们，或选择其他模型。</translation>
  </message>
  <message>
   <source>This project is open for reading only.</source>
   <translation>此项目以只读方式打开。</translation>
  </message>
  <message>
   <source>Try again</source>
   <translation>重试</translation>
  </message>
  <message>
   <source>Use Save As to work on a copy of it.</source>
   <translation>请使用“另存为”在副本上继续工作。</translation>
  </message>
  <message>
   <source>{count} pictures are too many: this model takes {most}. Remove some.</source>
   <translation>图片太多（{count} 张）：此模型最多接受 {most} 张，请移除一些。</translation>
  </message>
  <message>
   <source>{count} pictures with the page are too many: this model takes {most}. Remove some.</source>
   <translation>连同页面共 {count} 张图片，太多了：此模型最多 {most} 张。请移除一些。</translation>
  </message>
  <message>
   <source>{model} is under the {licence}, which allows no commercial use.</source>
   <translation>{model} 采用 {licence}，该许可证不允许商业用途。</translation>
  </message>
  <message>
   <source>“{model}” splits pictures into layers and draws none.</source>
   <translation>“{model}”只把图片拆分为图层，不生成图片。</translation>
  </message>
 </context>
 <context>
  <name>MapDialog</name>
  <message>
   <source>Black and white, from</source>
   <translation>黑白，阈值</translation>
  </message>
  <message>
   <source>Bring back the picture it was made of</source>
   <translation>恢复生成它之前的图片</translation>
  </message>
  <message>
   <source>Grow</source>
   <translation>扩展</translation>
  </message>
  <message>
   <source>Hide the map</source>
   <translation>隐藏此图</translation>
  </message>
  <message>
   <source>Invert</source>
   <translation>反相</translation>
  </message>
  <message>
   <source>Layer</source>
   <translation>图层</translation>
  </message>
  <message>
   <source>Mask of a layer</source>
   <translation>图层蒙版</translation>
  </message>
  <message>
   <source>New layer</source>
   <translation>新图层</translation>
  </message>
  <message>
   <source>Nothing is chosen: lower the threshold, or invert.</source>
   <translation>没有选中任何内容：请降低阈值，或反转。</translation>
  </message>
  <message>
   <source>Selection</source>
   <translation>选区</translation>
  </message>
  <message>
   <source>Threshold</source>
   <translation>阈值</translation>
  </message>
  <message>
   <source>Use as</source>
   <translation>用作</translation>
  </message>
  <message>
   <source>Use as Mask or Selection</source>
   <translation>用作蒙版或选区</translation>
  </message>
  <message>
   <source>{share} of the page is chosen.</source>
   <translation>已选中页面的 {share}。</translation>
  </message>
 </context>
 <context>
  <name>Maps</name>
  <message>
   <source>Nothing is chosen, so nothing was changed.</source>
   <translation>没有选中任何内容，因此未作更改。</translation>
  </message>
  <message>
   <source>Preview: {use}</source>
   <translation>预览：{use}</translation>
  </message>
  <message>
   <source>The answer is a map. It can become a mask or a selection.</source>
   <translation>结果是一张分布图，可以用作蒙版或选区。</translation>
  </message>
  <message>
   <source>Use as mask or selection…</source>
   <translation>用作蒙版或选区…</translation>
  </message>
 </context>
 <context>
  <name>ModelDialog</name>
  <message>
   <source>Description</source>
   <translation>描述</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>Say in a few words what the picture shows.</source>
   <translation>请用几个词说明图片的内容。</translation>
  </message>
 </context>
 <context>
  <name>ModelNotice</name>
  <message>
   <source>Starter model, 128 px, for trying out</source>
   <translation>入门模型，128 像素，仅供试用</translation>
  </message>
  <message>
   <source>Starter model, 256 px, for trying out</source>
   <translation>入门模型，256 像素，仅供试用</translation>
  </message>
 </context>
 <context>
  <name>Models</name>
  <message numerus="yes">
   <source>%n file(s) of a ComfyUI were found.</source>
   <translation>
    <numerusform>找到 %n 个 ComfyUI 的文件。</numerusform>
   </translation>
  </message>
  <message>
   <source>Accept and Download</source>
   <translation>接受并下载</translation>
  </message>
  <message>
   <source>Access token</source>
   <translation>访问令牌</translation>
  </message>
  <message>
   <source>Address of the source</source>
   <translation>来源地址</translation>
  </message>
  <message>
   <source>Another address…</source>
   <translation>其他地址…</translation>
  </message>
  <message>
   <source>Asks the source…</source>
   <translation>正在询问来源…</translation>
  </message>
  <message>
   <source>By your setting models may take {size} of memory.</source>
   <translation>按您的设置，模型最多可用 {size} 内存。</translation>
  </message>
  <message>
   <source>Delete</source>
   <translation>删除</translation>
  </message>
  <message>
   <source>Delete what has arrived</source>
   <translation>删除已下载的部分</translation>
  </message>
  <message>
   <source>Delete what has arrived of {model}?</source>
   <translation>要删除 {model} 已下载的部分吗？</translation>
  </message>
  <message>
   <source>Download</source>
   <translation>下载</translation>
  </message>
  <message>
   <source>Go On</source>
   <translation>继续</translation>
  </message>
  <message>
   <source>It stands in the list of models of the prompt panel.</source>
   <translation>它已列在提示词面板的模型列表中。</translation>
  </message>
  <message>
   <source>Kept until Inkstone is closed, never written down, and shown to the source alone.</source>
   <translation>只保留到 Inkstone 关闭为止，从不写入磁盘，也只出示给该来源。</translation>
  </message>
  <message>
   <source>Looking what is here…</source>
   <translation>正在查看本机已有的模型…</translation>
  </message>
  <message>
   <source>Models</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>Models may take about {size} of the graphics memory.</source>
   <translation>模型约可用 {size} 显存。</translation>
  </message>
  <message>
   <source>Models may take about {size} of the main memory. Without a graphics card one of their pictures takes hours.</source>
   <translation>模型约可用 {size} 内存。没有显卡时,生成一张图需要数小时。</translation>
  </message>
  <message>
   <source>On this computer</source>
   <translation>已在本机</translation>
  </message>
  <message>
   <source>Open the Models Folder</source>
   <translation>打开模型文件夹</translation>
  </message>
  <message>
   <source>Pause</source>
   <translation>暂停</translation>
  </message>
  <message>
   <source>Read it at {page}, and accept it once to use the model.</source>
   <translation>请在 {page} 阅读许可证；接受一次即可使用该模型。</translation>
  </message>
  <message>
   <source>Real models</source>
   <translation>正式模型</translation>
  </message>
  <message>
   <source>Source</source>
   <translation>来源</translation>
  </message>
  <message>
   <source>Stops…</source>
   <translation>正在停止…</translation>
  </message>
  <message>
   <source>The download of {model} has stopped.</source>
   <translation>{model} 的下载已停止。</translation>
  </message>
  <message>
   <source>The next download of it starts from the beginning.</source>
   <translation>下次下载将从头开始。</translation>
  </message>
  <message>
   <source>The program that looks after models ended unexpectedly.</source>
   <translation>管理模型的程序意外结束。</translation>
  </message>
  <message>
   <source>The starter model is for trying out: small pictures, a few words, flat shapes. Real posters come from the published Qwen-Image models. They are large; a download that is stopped goes on where it was.</source>
   <translation>入门模型仅供试用：小图片、少量文字、平面形状。真正的海报由公开发布的 Qwen-Image 模型生成。它们很大；下载中断后会从中断处继续。</translation>
  </message>
  <message>
   <source>They are brought to {folder}, where {size} are free.</source>
   <translation>模型会下载到 {folder}，那里还有 {size} 可用空间。</translation>
  </message>
  <message>
   <source>Waits for its turn.</source>
   <translation>正在排队。</translation>
  </message>
  <message>
   <source>changes pictures</source>
   <translation>修改图片</translation>
  </message>
  <message>
   <source>checks what is here</source>
   <translation>正在校验已有部分</translation>
  </message>
  <message>
   <source>makes pictures</source>
   <translation>生成图片</translation>
  </message>
  <message>
   <source>only if the source asks for one</source>
   <translation>仅当来源要求时填写</translation>
  </message>
  <message>
   <source>takes pictures apart</source>
   <translation>拆分图层</translation>
  </message>
  <message>
   <source>{done} of {total}</source>
   <translation>已下载 {done}，共 {total}</translation>
  </message>
  <message>
   <source>{model} is here.</source>
   <translation>{model} 已就绪。</translation>
  </message>
  <message>
   <source>{model} is under the {licence}, which allows no commercial use.</source>
   <translation>{model} 采用 {licence}，不允许商业用途。</translation>
  </message>
  <message>
   <source>{size} a second</source>
   <translation>每秒 {size}</translation>
  </message>
  <message>
   <source>{size} have arrived.</source>
   <translation>已下载 {size}。</translation>
  </message>
  <message>
   <source>{time} left</source>
   <translation>剩余 {time}</translation>
  </message>
 </context>
 <context>
  <name>Needs</name>
  <message>
   <source>4-bit</source>
   <translation>4 位</translation>
  </message>
  <message>
   <source>4-bit (int4)</source>
   <translation>4 位（int4）</translation>
  </message>
  <message>
   <source>8-bit</source>
   <translation>8 位</translation>
  </message>
  <message>
   <source>8-bit (fp8)</source>
   <translation>8 位（fp8）</translation>
  </message>
  <message>
   <source>8-bit (int8)</source>
   <translation>8 位（int8）</translation>
  </message>
  <message>
   <source>Does not fit: it needs at least {size}</source>
   <translation>放不下：至少需要 {size}</translation>
  </message>
  <message>
   <source>Does not fit: needs {size}, has {room}</source>
   <translation>放不下：需要 {size}，只有 {room}</translation>
  </message>
  <message>
   <source>Full precision</source>
   <translation>全精度</translation>
  </message>
  <message>
   <source>Half the memory. On the starter model hardly a difference can be seen (55 dB). Slower on a processor.</source>
   <translation>内存减半。在入门模型上几乎看不出差别（55 dB）。用处理器时较慢。</translation>
  </message>
  <message>
   <source>Half the memory. On the starter model no difference can be seen (65 dB). Slower on a processor.</source>
   <translation>内存减半。在入门模型上看不出差别（65 dB）。用处理器时较慢。</translation>
  </message>
  <message>
   <source>Needs {size}</source>
   <translation>需要 {size}</translation>
  </message>
  <message>
   <source>Runs whole: {size} of {room}</source>
   <translation>完整运行：{size}，可用 {room}</translation>
  </message>
  <message>
   <source>Streamed, slower: at least {size} of {room}</source>
   <translation>逐步读入，较慢：至少 {size}，可用 {room}</translation>
  </message>
  <message>
   <source>Text encoder from disk: {size} of {room}</source>
   <translation>文本编码器从磁盘读取：{size}，可用 {room}</translation>
  </message>
  <message>
   <source>The least that any precision needs are {size}.</source>
   <translation>任何精度至少需要 {size}。</translation>
  </message>
  <message>
   <source>The model as its files hold it.</source>
   <translation>与文件中的模型完全相同。</translation>
  </message>
  <message>
   <source>Under a third of the memory. On the starter model fine detail differs (47 dB), and headlines are as readable. Slower on a processor.</source>
   <translation>内存不到三分之一。在入门模型上细节略有差别（47 dB），标题同样清晰可读。用处理器时较慢。</translation>
  </message>
  <message>
   <source>{precision} fits.</source>
   <translation>{precision} 放得下。</translation>
  </message>
  <message>
   <source>{precision} in {size}, text encoder from disk</source>
   <translation>{precision} {size}，文本编码器从磁盘读取</translation>
  </message>
  <message>
   <source>{precision} needs at least {size}, and {room} are there for it.</source>
   <translation>{precision} 至少需要 {size}，而可用的只有 {room}。</translation>
  </message>
  <message>
   <source>{precision} needs {size}</source>
   <translation>{precision} 需要 {size}</translation>
  </message>
  <message>
   <source>{precision} streamed, slower</source>
   <translation>{precision} 逐步读入，较慢</translation>
  </message>
  <message>
   <source>{precision} whole in {size}</source>
   <translation>{precision} 完整运行，{size}</translation>
  </message>
 </context>
 <context>
  <name>PageDialog</name>
  <message>
   <source>Anchor</source>
   <translation>锚点</translation>
  </message>
  <message>
   <source>Background</source>
   <translation>背景</translation>
  </message>
  <message>
   <source>Bleed</source>
   <translation>出血</translation>
  </message>
  <message>
   <source>Height</source>
   <translation>高度</translation>
  </message>
  <message>
   <source>New Page</source>
   <translation>新建页面</translation>
  </message>
  <message>
   <source>Page Size</source>
   <translation>页面大小</translation>
  </message>
  <message>
   <source>Page colour</source>
   <translation>页面颜色</translation>
  </message>
  <message>
   <source>Resolution</source>
   <translation>分辨率</translation>
  </message>
  <message>
   <source>Sizes to start from</source>
   <translation>预设尺寸</translation>
  </message>
  <message>
   <source>Swap</source>
   <translation>宽高互换</translation>
  </message>
  <message>
   <source>Transparent background</source>
   <translation>透明背景</translation>
  </message>
  <message>
   <source>Unit</source>
   <translation>单位</translation>
  </message>
  <message>
   <source>Width</source>
   <translation>宽度</translation>
  </message>
  <message>
   <source>{w} × {h} px with bleed, {mmw} × {mmh} mm at {dpi} dpi</source>
   <translation>含出血 {w} × {h} 像素，{dpi} dpi 时为 {mmw} × {mmh} 毫米</translation>
  </message>
 </context>
 <context>
  <name>Pages</name>
  <message>
   <source>A2</source>
   <translation>A2</translation>
  </message>
  <message>
   <source>A3</source>
   <translation>A3</translation>
  </message>
  <message>
   <source>A4</source>
   <translation>A4</translation>
  </message>
  <message>
   <source>A5</source>
   <translation>A5</translation>
  </message>
  <message>
   <source>Feed portrait 4:5</source>
   <translation>信息流竖版 4:5</translation>
  </message>
  <message>
   <source>Poster 50 × 70 cm</source>
   <translation>海报 50 × 70 厘米</translation>
  </message>
  <message>
   <source>Poster portrait 2:3</source>
   <translation>竖版海报 2:3</translation>
  </message>
  <message>
   <source>Poster portrait 3:4</source>
   <translation>竖版海报 3:4</translation>
  </message>
  <message>
   <source>Square</source>
   <translation>正方形</translation>
  </message>
  <message>
   <source>Starter square</source>
   <translation>入门正方形</translation>
  </message>
  <message>
   <source>Story 9:16</source>
   <translation>故事竖版 9:16</translation>
  </message>
  <message>
   <source>US Letter</source>
   <translation>美国信纸</translation>
  </message>
  <message>
   <source>Widescreen 16:9</source>
   <translation>宽屏 16:9</translation>
  </message>
 </context>
 <context>
  <name>Polish</name>
  <message>
   <source>Close</source>
   <translation>关闭</translation>
  </message>
  <message>
   <source>Keep mine</source>
   <translation>保留我的</translation>
  </message>
  <message>
   <source>Looking for models…</source>
   <translation>正在查找模型…</translation>
  </message>
  <message>
   <source>No rewriting was faithful to your prompt, so it stays as it is.</source>
   <translation>改写都未能忠于您的提示词，因此提示词保持不变。</translation>
  </message>
  <message>
   <source>Polished prompt</source>
   <translation>润色后的提示词</translation>
  </message>
  <message>
   <source>The model is writing…</source>
   <translation>模型正在书写…</translation>
  </message>
  <message>
   <source>The model's wording of your prompt:</source>
   <translation>模型改写的提示词：</translation>
  </message>
  <message>
   <source>The picture could not be described.</source>
   <translation>无法描述图片。</translation>
  </message>
  <message>
   <source>The prompt could not be polished, and stays as it is.</source>
   <translation>提示词未能润色，保持不变。</translation>
  </message>
  <message>
   <source>The starter's encoder cannot write; load a real model</source>
   <translation>入门模型的编码器不会写作；请加载真正的模型</translation>
  </message>
  <message>
   <source>The text encoder of this model cannot write; load another</source>
   <translation>此模型的文本编码器不会写作；请加载其他模型</translation>
  </message>
  <message>
   <source>Undo in the prompt brings yours back</source>
   <translation>在提示词中撤销即可恢复您的文字</translation>
  </message>
  <message>
   <source>Use it</source>
   <translation>采用</translation>
  </message>
  <message>
   <source>What the model sees on the page:</source>
   <translation>模型在页面上看到的内容：</translation>
  </message>
 </context>
 <context>
  <name>Precision</name>
  <message>
   <source>Loading {model}: {precision}…</source>
   <translation>正在加载 {model}：{precision}…</translation>
  </message>
  <message>
   <source>Memory for Models…</source>
   <translation>模型可用内存…</translation>
  </message>
  <message>
   <source>There is not enough memory for {model}.</source>
   <translation>内存不足，无法运行 {model}。</translation>
  </message>
  <message>
   <source>Use {precision}</source>
   <translation>使用{precision}</translation>
  </message>
  <message>
   <source>{model} is ready, loaded in {time}</source>
   <translation>{model} 已就绪，加载用时 {time}</translation>
  </message>
 </context>
 <context>
  <name>PresetDialog</name>
  <message>
   <source>Change by Preset</source>
   <translation>按预设修改</translation>
  </message>
  <message>
   <source>Change the Picture</source>
   <translation>修改图片</translation>
  </message>
  <message>
   <source>Fill in every field.</source>
   <translation>请填写所有字段。</translation>
  </message>
  <message>
   <source>Instruction</source>
   <translation>指令</translation>
  </message>
  <message>
   <source>Presets</source>
   <translation>预设</translation>
  </message>
  <message>
   <source>Put in the Prompt</source>
   <translation>填入提示词</translation>
  </message>
  <message>
   <source>The model is told</source>
   <translation>发给模型的指令</translation>
  </message>
 </context>
 <context>
  <name>Presets</name>
  <message>
   <source>Add an object</source>
   <translation>添加物体</translation>
  </message>
  <message>
   <source>Another view</source>
   <translation>换个视角</translation>
  </message>
  <message>
   <source>Background</source>
   <translation>背景</translation>
  </message>
  <message>
   <source>Boxes around objects</source>
   <translation>框出物体</translation>
  </message>
  <message>
   <source>Change a material</source>
   <translation>更换材质</translation>
  </message>
  <message>
   <source>Change a pose</source>
   <translation>改变姿势</translation>
  </message>
  <message>
   <source>Change the style</source>
   <translation>改变风格</translation>
  </message>
  <message>
   <source>Degrees</source>
   <translation>角度</translation>
  </message>
  <message>
   <source>Depth map</source>
   <translation>深度图</translation>
  </message>
  <message>
   <source>Direction</source>
   <translation>方向</translation>
  </message>
  <message>
   <source>Edges</source>
   <translation>边缘</translation>
  </message>
  <message>
   <source>Material</source>
   <translation>材质</translation>
  </message>
  <message>
   <source>New</source>
   <translation>新</translation>
  </message>
  <message>
   <source>Object</source>
   <translation>物体</translation>
  </message>
  <message>
   <source>Old</source>
   <translation>原</translation>
  </message>
  <message>
   <source>Person</source>
   <translation>人物</translation>
  </message>
  <message>
   <source>Place</source>
   <translation>位置</translation>
  </message>
  <message>
   <source>Pose</source>
   <translation>姿势</translation>
  </message>
  <message>
   <source>Remove an object</source>
   <translation>移除物体</translation>
  </message>
  <message>
   <source>Replace an object</source>
   <translation>替换物体</translation>
  </message>
  <message>
   <source>Replace text</source>
   <translation>替换文字</translation>
  </message>
  <message>
   <source>Replace the background</source>
   <translation>替换背景</translation>
  </message>
  <message>
   <source>Segment an object</source>
   <translation>分割物体</translation>
  </message>
  <message>
   <source>Sharpen and add detail</source>
   <translation>锐化并补充细节</translation>
  </message>
  <message>
   <source>Style</source>
   <translation>风格</translation>
  </message>
  <message>
   <source>down</source>
   <translation>向下</translation>
  </message>
  <message>
   <source>left</source>
   <translation>向左</translation>
  </message>
  <message>
   <source>right</source>
   <translation>向右</translation>
  </message>
  <message>
   <source>up</source>
   <translation>向上</translation>
  </message>
 </context>
 <context>
  <name>Progress</name>
  <message>
   <source>Preparing…</source>
   <translation>正在准备…</translation>
  </message>
  <message>
   <source>Step {step} of {total}</source>
   <translation>第 {step} 步，共 {total} 步</translation>
  </message>
  <message>
   <source>{time} left</source>
   <translation>剩余 {time}</translation>
  </message>
 </context>
 <context>
  <name>Prompt</name>
  <message>
   <source>A navy poster with "SUMMER" and "SALE" in white at the top</source>
   <translation>一张深蓝色海报，上方写着白色的"SUMMER"和"SALE"</translation>
  </message>
  <message>
   <source>About {time}</source>
   <translation>约需 {time}</translation>
  </message>
  <message>
   <source>Add picture…</source>
   <translation>添加图片…</translation>
  </message>
  <message>
   <source>As the picture</source>
   <translation>与图片相同</translation>
  </message>
  <message>
   <source>Avoid</source>
   <translation>避免</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>取消</translation>
  </message>
  <message>
   <source>Change the picture</source>
   <translation>修改图片</translation>
  </message>
  <message>
   <source>Change this picture</source>
   <translation>修改此图片</translation>
  </message>
  <message>
   <source>Ctrl+Enter starts it anywhere</source>
   <translation>随时按 Ctrl+Enter 开始</translation>
  </message>
  <message>
   <source>Describe the picture, or what is selected, as it shall be</source>
   <translation>描述图片或所选部分应有的样子</translation>
  </message>
  <message>
   <source>Describe the poster; put its words in "quotation marks"</source>
   <translation>描述海报内容；海报上的文字请加“引号”</translation>
  </message>
  <message>
   <source>Fits: {peak} of {budget}</source>
   <translation>可运行：{peak} / {budget}</translation>
  </message>
  <message>
   <source>Generate</source>
   <translation>生成</translation>
  </message>
  <message>
   <source>Get real models</source>
   <translation>获取正式模型</translation>
  </message>
  <message>
   <source>Guidance</source>
   <translation>引导</translation>
  </message>
  <message>
   <source>How many pictures to make, each with its seed</source>
   <translation>生成几张图片，每张使用各自的种子</translation>
  </message>
  <message>
   <source>How strictly the picture follows the words; 1 is free</source>
   <translation>画面遵循文字的严格程度；1 表示自由发挥</translation>
  </message>
  <message>
   <source>Instruction</source>
   <translation>修改指令</translation>
  </message>
  <message>
   <source>Its files do not tell which of these models it is. The choice is remembered for these weights.</source>
   <translation>仅凭文件无法判断它是其中哪个模型。您的选择会为这些权重记住。</translation>
  </message>
  <message>
   <source>Keep this seed</source>
   <translation>保留此种子</translation>
  </message>
  <message>
   <source>Keep this seed for the next pictures</source>
   <translation>后续图片沿用此种子</translation>
  </message>
  <message>
   <source>Licence: {licence}</source>
   <translation>许可证：{licence}</translation>
  </message>
  <message>
   <source>Looking for models…</source>
   <translation>正在查找模型…</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>More steps take longer and draw finer</source>
   <translation>步数越多，耗时越长，画面越精细</translation>
  </message>
  <message>
   <source>New picture</source>
   <translation>新图片</translation>
  </message>
  <message>
   <source>New seed</source>
   <translation>新种子</translation>
  </message>
  <message>
   <source>New seed  (Alt+R)</source>
   <translation>新种子  (Alt+R)</translation>
  </message>
  <message>
   <source>Pictures that the prompt speaks of, beside the page</source>
   <translation>提示词中提到的、页面之外的图片</translation>
  </message>
  <message>
   <source>Polish</source>
   <translation>润色</translation>
  </message>
  <message>
   <source>Precision</source>
   <translation>精度</translation>
  </message>
  <message>
   <source>Presets…</source>
   <translation>预设…</translation>
  </message>
  <message>
   <source>Prompt</source>
   <translation>提示词</translation>
  </message>
  <message>
   <source>Say what to change: make the page dark green</source>
   <translation>说明要修改什么，例如：把页面改成深绿色</translation>
  </message>
  <message>
   <source>Schedule</source>
   <translation>调度</translation>
  </message>
  <message>
   <source>Seed</source>
   <translation>种子</translation>
  </message>
  <message>
   <source>Size</source>
   <translation>尺寸</translation>
  </message>
  <message>
   <source>Start  (Ctrl+Enter)</source>
   <translation>开始  (Ctrl+Enter)</translation>
  </message>
  <message>
   <source>Steps</source>
   <translation>步数</translation>
  </message>
  <message>
   <source>Stop this work  (Esc)</source>
   <translation>停止当前任务  (Esc)</translation>
  </message>
  <message>
   <source>Try an example</source>
   <translation>试试示例</translation>
  </message>
  <message>
   <source>Variants</source>
   <translation>变体数</translation>
  </message>
  <message>
   <source>What is often asked, with fields to fill in</source>
   <translation>常用修改，填空即可</translation>
  </message>
  <message>
   <source>What the picture should not show</source>
   <translation>画面中不应出现的内容</translation>
  </message>
  <message>
   <source>Which model it is</source>
   <translation>这是哪个模型</translation>
  </message>
  <message>
   <source>not stated</source>
   <translation>未注明</translation>
  </message>
  <message>
   <source>{name} (proposed)</source>
   <translation>{name}（建议）</translation>
  </message>
  <message>
   <source>“{name}” is made for few steps without guidance</source>
   <translation>“{name}”适用于少步数且不用引导</translation>
  </message>
 </context>
 <context>
  <name>Question</name>
  <message>
   <source>Cancel</source>
   <translation>取消</translation>
  </message>
 </context>
 <context>
  <name>References</name>
  <message>
   <source>Drag, or Ctrl+Left and Ctrl+Right, to change the order</source>
   <translation>拖动，或用 Ctrl+左/右 调整顺序</translation>
  </message>
  <message>
   <source>Picture {number}</source>
   <translation>图 {number}</translation>
  </message>
  <message>
   <source>Pictures beside the page</source>
   <translation>页面之外的图片</translation>
  </message>
  <message>
   <source>Without this picture</source>
   <translation>移除此图片</translation>
  </message>
  <message>
   <source>Without this picture  (Delete)</source>
   <translation>移除此图片（Delete）</translation>
  </message>
 </context>
 <context>
  <name>Settings</name>
  <message>
   <source>A change of these starts the engine anew; a picture that is being made is stopped.</source>
   <translation>更改后引擎会重新启动；正在生成的图片会停止。</translation>
  </message>
  <message>
   <source>Add Folder…</source>
   <translation>添加文件夹…</translation>
  </message>
  <message>
   <source>As the computer</source>
   <translation>跟随系统</translation>
  </message>
  <message>
   <source>At most</source>
   <translation>最多</translation>
  </message>
  <message>
   <source>Automatic</source>
   <translation>自动</translation>
  </message>
  <message>
   <source>Dark</source>
   <translation>深色</translation>
  </message>
  <message>
   <source>Device</source>
   <translation>设备</translation>
  </message>
  <message>
   <source>Folder of models</source>
   <translation>模型文件夹</translation>
  </message>
  <message>
   <source>Folders that hold published Qwen-Image models, one folder a model. Nothing is copied.</source>
   <translation>存放 Qwen-Image 发布模型的文件夹，每个模型一个文件夹。不会复制任何内容。</translation>
  </message>
  <message>
   <source>General</source>
   <translation>常规</translation>
  </message>
  <message>
   <source>Keys</source>
   <translation>按键</translation>
  </message>
  <message>
   <source>Language</source>
   <translation>语言</translation>
  </message>
  <message>
   <source>Less motion: nothing fades or marches</source>
   <translation>减弱动态效果：不使用淡出和流动虚线</translation>
  </message>
  <message>
   <source>Light</source>
   <translation>浅色</translation>
  </message>
  <message>
   <source>Memory for models</source>
   <translation>模型可用内存</translation>
  </message>
  <message>
   <source>Model folders</source>
   <translation>模型文件夹</translation>
  </message>
  <message>
   <source>Models</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>移除</translation>
  </message>
  <message>
   <source>Settings</source>
   <translation>设置</translation>
  </message>
  <message>
   <source>The best one</source>
   <translation>自动选择</translation>
  </message>
  <message>
   <source>The most memory for models</source>
   <translation>模型最多可用的内存</translation>
  </message>
  <message>
   <source>Theme</source>
   <translation>主题</translation>
  </message>
  <message>
   <source>What is free: about {size}</source>
   <translation>空闲内存：约 {size}</translation>
  </message>
 </context>
 <context>
  <name>Speed</name>
  <message>
   <source>8-bit attention</source>
   <translation>8 位注意力</translation>
  </message>
  <message>
   <source>All but Exact take less time and change the picture; how far they are off is measured in every run and shown at the step</source>
   <translation>除“精确”外都更快，但画面会改变；每次生成都会测量偏差，并显示在该步骤旁</translation>
  </message>
  <message>
   <source>Exact</source>
   <translation>精确</translation>
  </message>
  <message>
   <source>Sage attention</source>
   <translation>Sage 注意力</translation>
  </message>
  <message>
   <source>Speed</source>
   <translation>速度</translation>
  </message>
  <message>
   <source>Step cache</source>
   <translation>步骤缓存</translation>
  </message>
  <message>
   <source>Step cache {threshold}</source>
   <translation>步骤缓存 {threshold}</translation>
  </message>
  <message>
   <source>{modes} (inexact)</source>
   <translation>{modes}（不精确）</translation>
  </message>
 </context>
 <context>
  <name>Split</name>
  <message>
   <source>Empty: the model describes the picture by itself</source>
   <translation>留空：由模型自己描述图片</translation>
  </message>
  <message>
   <source>Get It…</source>
   <translation>获取…</translation>
  </message>
  <message>
   <source>Get {model} (Apache-2.0, free for commercial work), or add its folder in the settings.</source>
   <translation>获取 {model}（Apache-2.0，可免费商用），或在设置中添加其文件夹。</translation>
  </message>
  <message>
   <source>Layers</source>
   <translation>图层数</translation>
  </message>
  <message>
   <source>Model Folders…</source>
   <translation>模型文件夹…</translation>
  </message>
  <message>
   <source>Resolution</source>
   <translation>分辨率</translation>
  </message>
  <message>
   <source>Split</source>
   <translation>拆分</translation>
  </message>
  <message>
   <source>Split Again…</source>
   <translation>再次拆分…</translation>
  </message>
  <message>
   <source>Split into Layers</source>
   <translation>拆分为图层</translation>
  </message>
  <message>
   <source>Splitting a picture needs a Layered model.</source>
   <translation>拆分图片需要 Layered 模型。</translation>
  </message>
  <message>
   <source>The engine is still looking for models. Try again in a moment.</source>
   <translation>引擎仍在查找模型。请稍后再试。</translation>
  </message>
  <message>
   <source>The size the model works at; its layers are brought to the page's</source>
   <translation>模型工作的尺寸；得到的图层会缩放到页面尺寸</translation>
  </message>
  <message>
   <source>This is a poor split: the layers miss much of the picture.</source>
   <translation>这次拆分不理想：图层缺少图片的许多内容。</translation>
  </message>
  <message>
   <source>What is seen on the page becomes a group of layers with transparency. A layer of corrections on top makes them equal the picture exactly.</source>
   <translation>页面上所见的内容变成一组带透明度的图层。顶部的校正图层使它们与原图完全一致。</translation>
  </message>
  <message>
   <source>What the picture shows; this model cannot describe it</source>
   <translation>图片的内容；此模型无法自己描述</translation>
  </message>
  <message>
   <source>Without the correction layer {share} of the picture would look different. Split it again with a description that names its parts, or into another number of layers.</source>
   <translation>没有校正图层，图片的 {share} 看起来会不同。请写明图片各部分的描述再拆分一次，或改变图层数。</translation>
  </message>
 </context>
 <context>
  <name>Status</name>
  <message numerus="yes">
   <source>%n px changed outside</source>
   <translation>
    <numerusform>选区外更改了 %n 个像素</numerusform>
   </translation>
  </message>
  <message>
   <source>Correction layer: {share} of the picture, {visible} visible</source>
   <translation>校正图层：占图片的 {share}，可见 {visible}</translation>
  </message>
  <message>
   <source>Done in {time}</source>
   <translation>完成，用时 {time}</translation>
  </message>
  <message>
   <source>Engine {size}</source>
   <translation>引擎 {size}</translation>
  </message>
  <message>
   <source>Memory ran out, so the picture was made in a slower way.</source>
   <translation>内存不足，因此图片以较慢的方式生成。</translation>
  </message>
  <message>
   <source>More of the model is read from disk now. Close other programs to free some.</source>
   <translation>现在会从磁盘读取更多模型内容。关闭其他程序可释放内存。</translation>
  </message>
  <message>
   <source>Reading step “{name}”…</source>
   <translation>正在读取步骤“{name}”…</translation>
  </message>
  <message>
   <source>Shown only: a double click makes this step current</source>
   <translation>仅供查看：双击可将此步骤设为当前</translation>
  </message>
  <message>
   <source>Step: {name}</source>
   <translation>步骤：{name}</translation>
  </message>
  <message>
   <source>Zoom</source>
   <translation>缩放</translation>
  </message>
 </context>
 <context>
  <name>Store</name>
  <message numerus="yes">
   <source>%n later change(s) could not be read.</source>
   <translation>
    <numerusform>%n 项较晚的更改无法读取。</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n result(s) were lost.</source>
   <translation>
    <numerusform>%n 个结果已丢失。</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n result(s) were read.</source>
   <translation>
    <numerusform>已读取 %n 个结果。</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n square(s) were lost.</source>
   <translation>
    <numerusform>%n 个图块已丢失。</numerusform>
   </translation>
  </message>
  <message>
   <source>The document was read as it was at {time} (UTC), whole.</source>
   <translation>文档已完整读取，内容为 {time}（UTC）时的状态。</translation>
  </message>
  <message>
   <source>The document was read, but parts of it are blank: </source>
   <translation>文档已读取，但部分内容为空白：</translation>
  </message>
  <message>
   <source>The layers could not be read; the last result is shown.</source>
   <translation>无法读取图层，现显示最后一个结果。</translation>
  </message>
  <message>
   <source>The project was not written: {reason}. Use Save As to keep it.</source>
   <translation>项目未写入：{reason}。请使用“另存为”加以保留。</translation>
  </message>
  <message>
   <source>The step “{name}” is damaged in the file and cannot be read. The page and the other steps are as they were; an older copy of the file may still have it.</source>
   <translation>文件中的步骤“{name}”已损坏，无法读取。页面和其他步骤保持不变；较早的文件副本中可能仍有此步骤。</translation>
  </message>
  <message>
   <source>Use Save As to keep what was read in a new file.</source>
   <translation>请使用“另存为”将已读取的内容保存到新文件。</translation>
  </message>
  <message>
   <source>{name} cannot be opened: {reason}. Check where it lies.</source>
   <translation>无法打开 {name}：{reason}。请检查其所在位置。</translation>
  </message>
  <message>
   <source>{name} exists already. Choose another name.</source>
   <translation>{name} 已存在。请另选名称。</translation>
  </message>
  <message>
   <source>{name} is damaged and nothing in it could be read. It was left as it is; open another copy, or a backup of the folder.</source>
   <translation>{name} 已损坏，其中内容均无法读取。文件保持原样；请打开其他副本或文件夹的备份。</translation>
  </message>
  <message>
   <source>{name} is damaged: {reason}. Use Save As to keep what is on the screen in a new file.</source>
   <translation>{name} 已损坏：{reason}。请使用“另存为”将屏幕上的内容保存到新文件。</translation>
  </message>
  <message>
   <source>{name} is damaged; it was left as it is.</source>
   <translation>{name} 已损坏，文件保持原样。</translation>
  </message>
  <message>
   <source>{name} is not an Inkstone project. It was left as it is.</source>
   <translation>{name} 不是 Inkstone 项目，文件保持原样。</translation>
  </message>
  <message>
   <source>{name} is open in another window or program{owner}. It is shown as it was saved last; close it there, or use Save As to work on a copy.</source>
   <translation>{name} 已在其他窗口或程序{owner}中打开。此处显示最后保存的内容；请在那里关闭它，或使用“另存为”在副本上工作。</translation>
  </message>
  <message>
   <source>{name} is this project itself. Choose another name.</source>
   <translation>{name} 就是当前项目。请另选名称。</translation>
  </message>
  <message>
   <source>{name} lies where nothing can be written. It is open for reading only; use Save As to work on a copy.</source>
   <translation>{name} 所在位置不可写入，现以只读方式打开。请使用“另存为”在副本上工作。</translation>
  </message>
  <message>
   <source>{name} was made by a newer Inkstone, in a form that this one cannot read. Update Inkstone to open it.</source>
   <translation>{name} 由较新的 Inkstone 创建，当前版本无法读取其格式。请更新 Inkstone 后打开。</translation>
  </message>
  <message>
   <source>{name} was made by a newer Inkstone. It is open for reading only, so that nothing in it is lost. Update Inkstone to change it.</source>
   <translation>{name} 由较新的 Inkstone 创建。为避免丢失内容，现以只读方式打开。请更新 Inkstone 后再修改。</translation>
  </message>
  <message>
   <source>{name} was moved, replaced or deleted by another program. Nothing was written. Use Save As to keep what is on the screen.</source>
   <translation>{name} 已被其他程序移动、替换或删除。未写入任何内容。请使用“另存为”保留屏幕上的内容。</translation>
  </message>
  <message>
   <source>{name} was not saved: the disk is full. What was saved before is unchanged. Free some space, or use Save As to another disk.</source>
   <translation>未保存 {name}：磁盘已满。之前保存的内容没有变化。请释放一些空间，或另存到其他磁盘。</translation>
  </message>
  <message>
   <source>{name} was not saved: {reason}. What was saved before is unchanged. Try again, or use Save As to another place.</source>
   <translation>未保存 {name}：{reason}。之前保存的内容没有变化。请重试，或另存到其他位置。</translation>
  </message>
  <message>
   <source>{name} was not written: the disk is full. What was there before is unchanged. Free some space or choose another place, then try again.</source>
   <translation>未写入 {name}：磁盘已满。原有内容没有变化。请释放一些空间或选择其他位置，然后重试。</translation>
  </message>
  <message>
   <source>{name} was not written: {reason}. What was there before is unchanged. Choose another place, or allow writing to {folder}.</source>
   <translation>未写入 {name}：{reason}。原有内容没有变化。请选择其他位置，或允许写入 {folder}。</translation>
  </message>
 </context>
 <context>
  <name>Strength</name>
  <message>
   <source>Context</source>
   <translation>上下文</translation>
  </message>
  <message>
   <source>Feather</source>
   <translation>羽化</translation>
  </message>
  <message>
   <source>How far around the selection the model looks</source>
   <translation>模型会看选区周围多远</translation>
  </message>
  <message>
   <source>How much may change; 1 keeps nothing of what was there</source>
   <translation>可以改变多少；1 表示完全不保留原有内容</translation>
  </message>
  <message>
   <source>Over how many pixels the new fades into the old, inwards</source>
   <translation>新内容向内在多少像素上融入旧内容</translation>
  </message>
  <message>
   <source>Strength</source>
   <translation>强度</translation>
  </message>
  <message>
   <source>Whole page</source>
   <translation>整个页面</translation>
  </message>
 </context>
 <context>
  <name>Text</name>
  <message>
   <source>Bold</source>
   <translation>粗体</translation>
  </message>
  <message>
   <source>Centred</source>
   <translation>居中</translation>
  </message>
  <message>
   <source>Colour</source>
   <translation>颜色</translation>
  </message>
  <message>
   <source>Font</source>
   <translation>字体</translation>
  </message>
  <message>
   <source>Headline</source>
   <translation>标题</translation>
  </message>
  <message>
   <source>Italic</source>
   <translation>斜体</translation>
  </message>
  <message>
   <source>Left</source>
   <translation>左对齐</translation>
  </message>
  <message>
   <source>Right</source>
   <translation>右对齐</translation>
  </message>
  <message>
   <source>Size</source>
   <translation>字号</translation>
  </message>
  <message>
   <source>Text</source>
   <translation>文字</translation>
  </message>
  <message>
   <source>Text colour</source>
   <translation>文字颜色</translation>
  </message>
  <message>
   <source>Words</source>
   <translation>文字内容</translation>
  </message>
  <message>
   <source>Write the headline here</source>
   <translation>在此输入标题</translation>
  </message>
 </context>
 <context>
  <name>Welcome</name>
  <message>
   <source>Close</source>
   <translation>关闭</translation>
  </message>
  <message>
   <source>Describe a poster at the left and press Ctrl+Enter. Then say what to change. Every picture stays in the history.</source>
   <translation>在左侧描述海报并按 Ctrl+Enter，然后说明要修改什么。每张图片都会保留在历史中。</translation>
  </message>
  <message>
   <source>Get real models</source>
   <translation>获取正式模型</translation>
  </message>
  <message>
   <source>Open a project…</source>
   <translation>打开项目…</translation>
  </message>
  <message>
   <source>The starter model comes with Inkstone. It is small and for trying out: little pictures, single words, flat shapes.</source>
   <translation>入门模型随 Inkstone 附带，体积小，仅供试用：小尺寸图片、单个词语、扁平图形。</translation>
  </message>
  <message>
   <source>Welcome to Inkstone</source>
   <translation>欢迎使用 Inkstone</translation>
  </message>
 </context>
 <context>
  <name>Window</name>
  <message>
   <source> (read only)</source>
   <translation>（只读）</translation>
  </message>
  <message>
   <source>Brush size</source>
   <translation>画笔大小</translation>
  </message>
  <message>
   <source>Brush size  ([ and ])</source>
   <translation>画笔大小  ([ 和 ])</translation>
  </message>
  <message>
   <source>Canvas</source>
   <translation>画布</translation>
  </message>
  <message>
   <source>Close all the same</source>
   <translation>仍然关闭</translation>
  </message>
  <message>
   <source>Everything before them is in the file.</source>
   <translation>在此之前的内容都已保存在文件中。</translation>
  </message>
  <message>
   <source>Save As…</source>
   <translation>另存为…</translation>
  </message>
  <message>
   <source>The last changes could not be written.</source>
   <translation>最近的更改未能写入。</translation>
  </message>
 </context>
 <context>
  <name>Words</name>
  <message>
   <source>attention {off} off where checked (step {step})</source>
   <translation>注意力在抽查处（第 {step} 步）偏差 {off}</translation>
  </message>
  <message>
   <source>less than 1 %</source>
   <translation>不到 1 %</translation>
  </message>
  <message>
   <source>no step reused</source>
   <translation>没有复用任何步骤</translation>
  </message>
  <message>
   <source>{h} h {min} min</source>
   <translation>{h} 小时 {min} 分</translation>
  </message>
  <message>
   <source>{min} min {s} s</source>
   <translation>{min} 分 {s} 秒</translation>
  </message>
  <message>
   <source>{off} off</source>
   <translation>偏差 {off}</translation>
  </message>
  <message>
   <source>{reused} of {steps} steps reused, {off} off where checked (step {step})</source>
   <translation>{steps} 步中复用了 {reused} 步，抽查处（第 {step} 步）偏差 {off}</translation>
  </message>
  <message>
   <source>{size} GB</source>
   <translation>{size} GB</translation>
  </message>
  <message>
   <source>{size} MB</source>
   <translation>{size} MB</translation>
  </message>
  <message>
   <source>{s} s</source>
   <translation>{s} 秒</translation>
  </message>
 </context>
 <context>
  <name>Workspace</name>
  <message numerus="yes">
   <source>%n job(s) had not finished when Inkstone closed.</source>
   <translation>
    <numerusform>Inkstone 关闭时有 %n 个任务尚未完成。</numerusform>
   </translation>
  </message>
  <message>
   <source>Forget them</source>
   <translation>放弃</translation>
  </message>
  <message>
   <source>No new page could be begun.</source>
   <translation>无法新建页面。</translation>
  </message>
  <message>
   <source>Run again</source>
   <translation>重新运行</translation>
  </message>
  <message>
   <source>Saved as “{name}”.</source>
   <translation>已另存为“{name}”。</translation>
  </message>
  <message>
   <source>Saved.</source>
   <translation>已保存。</translation>
  </message>
  <message>
   <source>The project could not be written.</source>
   <translation>项目未能写入。</translation>
  </message>
  <message>
   <source>This project is open for reading only.</source>
   <translation>此项目以只读方式打开。</translation>
  </message>
  <message>
   <source>Untitled</source>
   <translation>未命名</translation>
  </message>
  <message>
   <source>Your document is complete. You can run them again.</source>
   <translation>您的文档是完整的，可以重新运行这些任务。</translation>
  </message>
  <message>
   <source>“{name}” could not be opened.</source>
   <translation>无法打开“{name}”。</translation>
  </message>
 </context>
</TS>
